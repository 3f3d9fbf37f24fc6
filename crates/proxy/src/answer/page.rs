//! Our own pages: small, whole by themselves, in four languages, naming
//! nothing internal.

use std::sync::LazyLock;

use bluegate_page::{Language, RETRY_SECONDS, Words, next_retry};
use bytes::Bytes;

/// What a page says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Page {
    /// The node is not to be reached; the page asks again by itself.
    Retry,
    /// There is nothing here.
    NotFound,
    /// The request is refused.
    Refused,
}

/// The pages of one language.
struct Pages {
    retry: [Bytes; RETRY_SECONDS.len()],
    not_found: Bytes,
    refused: Bytes,
}

static ENGLISH: LazyLock<Pages> = LazyLock::new(|| pages(Language::English));
static GERMAN: LazyLock<Pages> = LazyLock::new(|| pages(Language::German));
static FRENCH: LazyLock<Pages> = LazyLock::new(|| pages(Language::French));
static SPANISH: LazyLock<Pages> = LazyLock::new(|| pages(Language::Spanish));

impl Page {
    /// The page as HTML.
    pub(super) fn html(self, language: Language) -> Bytes {
        let pages = match language {
            Language::English => &*ENGLISH,
            Language::German => &*GERMAN,
            Language::French => &*FRENCH,
            Language::Spanish => &*SPANISH,
        };
        match self {
            Self::Retry => pages.retry[next_retry()].clone(),
            Self::NotFound => pages.not_found.clone(),
            Self::Refused => pages.refused.clone(),
        }
    }

    /// Title and text.
    fn words(self, language: Language) -> (&'static str, &'static str) {
        match (self, language) {
            (Self::Retry, Language::English) => (
                "Not reachable at the moment",
                "The conference server does not answer. This page tries again by itself.",
            ),
            (Self::Retry, Language::German) => (
                "Zurzeit nicht erreichbar",
                "Der Konferenzserver antwortet nicht. Diese Seite versucht es von selbst wieder.",
            ),
            (Self::Retry, Language::French) => (
                "Injoignable pour le moment",
                "Le serveur de conférence ne répond pas. Cette page réessaie d'elle-même.",
            ),
            (Self::Retry, Language::Spanish) => (
                "No disponible por el momento",
                "El servidor de conferencias no responde. Esta página lo intenta de nuevo por sí sola.",
            ),
            (Self::NotFound, Language::English) => {
                ("Not found", "There is nothing here. Please join again from where you came.")
            }
            (Self::NotFound, Language::German) => (
                "Nicht gefunden",
                "Hier ist nichts. Bitte treten Sie von Ihrer Startseite aus erneut bei.",
            ),
            (Self::NotFound, Language::French) => (
                "Introuvable",
                "Il n'y a rien ici. Veuillez rejoindre à nouveau depuis votre page de départ.",
            ),
            (Self::NotFound, Language::Spanish) => {
                ("No encontrado", "Aquí no hay nada. Vuelva a unirse desde su página de inicio.")
            }
            (Self::Refused, Language::English) => {
                ("Not possible", "This request cannot be answered here.")
            }
            (Self::Refused, Language::German) => {
                ("Nicht möglich", "Diese Anfrage kann hier nicht beantwortet werden.")
            }
            (Self::Refused, Language::French) => {
                ("Impossible", "Il n'est pas possible de répondre ici à cette demande.")
            }
            (Self::Refused, Language::Spanish) => {
                ("No es posible", "Esta solicitud no puede responderse aquí.")
            }
        }
    }
}

fn pages(language: Language) -> Pages {
    Pages {
        retry: RETRY_SECONDS.map(|seconds| render(Page::Retry, language, Some(seconds))),
        not_found: render(Page::NotFound, language, None),
        refused: render(Page::Refused, language, None),
    }
}

fn render(page: Page, language: Language, retry: Option<u8>) -> Bytes {
    let (title, text) = page.words(language);
    bluegate_page::render(language, Words { title, text, link: None }, retry).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_exists_in_every_language_and_only_one_kind_asks_again() {
        let languages = [Language::English, Language::German, Language::French, Language::Spanish];
        let mut seen = std::collections::BTreeSet::new();
        for language in languages {
            for page in [Page::Retry, Page::NotFound, Page::Refused] {
                let html = String::from_utf8(page.html(language).to_vec()).unwrap();
                assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())));
                assert_eq!(html.contains("http-equiv=\"refresh\""), matches!(page, Page::Retry));
                assert!(html.len() < 1024, "small: {}", html.len());
                assert!(seen.insert(page.words(language)), "{page:?} {language:?} is a copy");
            }
        }
    }
}
