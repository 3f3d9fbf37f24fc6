//! The page a person sees while the meeting's node does not answer, or while
//! the meeting is being placed anew.

use bluegate_page::{Language, RETRY_SECONDS, Words, next_retry, render};

/// A person's request that has to wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// What they read.
    pub(crate) language: Language,
    /// The node's own join, for those who would rather try: we may be the ones
    /// who cannot reach it.
    pub(crate) node: Option<String>,
}

impl Waiting {
    /// The page; it asks again by itself.
    pub(crate) fn html(&self) -> String {
        let (title, text, anyway) = words(self.language);
        let link = self.node.as_deref().map(|address| (anyway, address));
        let retry = RETRY_SECONDS[next_retry()];
        render(self.language, Words { title, text, link }, Some(retry))
    }
}

fn words(language: Language) -> (&'static str, &'static str, &'static str) {
    match language {
        Language::English => (
            "One moment",
            "Your meeting's server does not answer just now. This page tries again by itself \
             and takes you to the meeting.",
            "Try the server anyway",
        ),
        Language::German => (
            "Einen Moment",
            "Der Server Ihrer Konferenz antwortet gerade nicht. Diese Seite versucht es von \
             selbst wieder und bringt Sie in die Konferenz.",
            "Den Server trotzdem versuchen",
        ),
        Language::French => (
            "Un instant",
            "Le serveur de votre réunion ne répond pas pour le moment. Cette page réessaie \
             d’elle-même et vous y conduira.",
            "Essayer le serveur malgré tout",
        ),
        Language::Spanish => (
            "Un momento",
            "El servidor de su reunión no responde ahora mismo. Esta página lo intenta de nuevo \
             por sí sola y le llevará a la reunión.",
            "Probar el servidor de todos modos",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_every_language() {
        let pages = Language::ALL.map(|language| {
            let (title, text, anyway) = words(language);
            format!("{}: {title} / {text} / {anyway}", language.tag())
        });
        insta::assert_snapshot!(pages.join("\n"), @"
        en: One moment / Your meeting's server does not answer just now. This page tries again by itself and takes you to the meeting. / Try the server anyway
        de: Einen Moment / Der Server Ihrer Konferenz antwortet gerade nicht. Diese Seite versucht es von selbst wieder und bringt Sie in die Konferenz. / Den Server trotzdem versuchen
        fr: Un instant / Le serveur de votre réunion ne répond pas pour le moment. Cette page réessaie d’elle-même et vous y conduira. / Essayer le serveur malgré tout
        es: Un momento / El servidor de su reunión no responde ahora mismo. Esta página lo intenta de nuevo por sí sola y le llevará a la reunión. / Probar el servidor de todos modos
        ");
    }
}
