//! The presentation of meetings whose creator brings none.

use bluegate_bbb_api::{Document, Element, Node, Parameters};
use bluegate_cluster::Origin;

/// A presentation that nodes fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentation {
    url: String,
    name: Option<String>,
}

/// A text that is not the address of a presentation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentationError {
    /// Not an address.
    #[error("`{0}` is not an address such as `https://example.org/welcome.pdf`")]
    Url(String),
    /// Nodes skip a document when they cannot tell its kind.
    #[error("`{0}` has no ending such as `.pdf`, by which nodes tell what it is: give `name`")]
    Ending(String),
}

impl Presentation {
    /// A presentation at `url`, shown as `name` or, without one, as the last
    /// part of its address.
    ///
    /// # Errors
    /// [`PresentationError`] when BBB would not take it.
    pub fn new(url: &str, name: Option<&str>) -> Result<Self, PresentationError> {
        let path = path_of(url).ok_or_else(|| PresentationError::Url(url.to_owned()))?;
        let shown = name.unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default());
        let ending =
            shown.rsplit_once('.').filter(|(stem, end)| !stem.is_empty() && !end.is_empty());
        if ending.is_none() || shown.contains(char::is_control) {
            return Err(PresentationError::Ending(shown.to_owned()));
        }
        Ok(Self { url: url.to_owned(), name: name.map(str::to_owned) })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name it is shown by, when one is given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Brings it to a create call that brings none: as a parameter where there
    /// is a form (BBB 2.7.2), else as an XML body, which every release reads;
    /// that is returned. `document` is the XML body the call has.
    pub fn bring(&self, parameters: &mut Parameters, document: Option<&[u8]>) -> Option<String> {
        let brings = |name| parameters.text(name).is_some_and(|text| !text.trim().is_empty());
        // A breakout room gets its parent's slides.
        if brings("preUploadedPresentation") || brings("parentMeetingID") {
            return None;
        }
        if let Some(form) = &mut parameters.form {
            form.append("preUploadedPresentation", &self.url);
            if let Some(name) = &self.name {
                form.append("preUploadedPresentationName", name);
            }
            return None;
        }
        let mut modules = match document {
            None => Document::of(Element::new("modules")),
            // What is no XML is the node's to refuse.
            Some(bytes) => Document::parse(std::str::from_utf8(bytes).ok()?).ok()?,
        };
        let root = modules.root_mut();
        if root.name() != "modules" || root.elements().any(is_presentation) {
            return None;
        }
        let presentation = Element::new("module").with_attribute("name", "presentation");
        root.children.push(Node::Element(presentation.with(self.document())));
        Some(modules.to_string())
    }

    fn document(&self) -> Element {
        let document = Element::self_closing("document").with_attribute("url", &self.url);
        match &self.name {
            Some(name) => document.with_attribute("filename", name),
            None => document,
        }
    }
}

fn is_presentation(module: &Element) -> bool {
    module.name() == "module"
        && module.attribute("name").as_deref() == Some("presentation")
        && module.elements().next().is_some()
}

/// The path of an `http` or `https` address, without query and fragment.
fn path_of(url: &str) -> Option<&str> {
    let clean = !url.contains(|c: char| c.is_control() || c.is_whitespace());
    let (_, rest) = url.split_once("://").filter(|_| clean)?;
    let slash = rest.find('/')?;
    let (authority, path) = rest.split_at_checked(slash)?;
    let scheme = url.strip_suffix(rest)?;
    format!("{scheme}{authority}").parse::<Origin>().ok()?;
    Some(path.split(['?', '#']).next().unwrap_or_default())
}

/// Whether `url` is an address that a browser can fetch.
pub(crate) fn is_url(url: &str) -> bool {
    path_of(url).is_some()
}

#[cfg(test)]
mod tests {
    use bluegate_bbb_api::RawQuery;

    use super::*;

    const URL: &str = "https://example.org/slides/welcome.pdf?v=1&x=2";

    fn welcome() -> Presentation {
        Presentation::new(URL, None).unwrap()
    }

    fn query(text: &str) -> Parameters {
        Parameters::of_query(text)
    }

    #[test]
    fn a_create_call_without_slides_gets_the_tenants() {
        const DOCUMENT: &str = "<module name=\"presentation\">\
            <document url=\"https://example.org/slides/welcome.pdf?v=1&amp;x=2\"/></module>";
        let alone = welcome().bring(&mut query("name=x"), None);
        assert_eq!(alone, Some(format!("<modules>{DOCUMENT}</modules>")));
        let settings = b"<?xml version='1.0'?><modules><module name='clientSettingsOverride'>\
            <![CDATA[{}]]></module></modules>";
        let beside = welcome().bring(&mut query("name=x"), Some(settings)).unwrap();
        assert!(beside.ends_with(&format!("<![CDATA[{{}}]]></module>{DOCUMENT}</modules>")));
        let empty = b"<modules><module name=\"presentation\"></module></modules>";
        assert!(welcome().bring(&mut query("name=x"), Some(empty)).unwrap().contains(DOCUMENT));

        let named = Presentation::new("https://example.org/s?id=7", Some("Hallo.pdf")).unwrap();
        let brought = named.bring(&mut query("name=x"), None).unwrap();
        assert!(
            brought
                .contains("<document url=\"https://example.org/s?id=7\" filename=\"Hallo.pdf\"/>")
        );

        let mut form =
            Parameters { query: RawQuery::parse("a=1"), form: Some(RawQuery::parse("b=1")) };
        assert_eq!(named.bring(&mut form, None), None);
        assert_eq!(form.query.to_string(), "a=1");
        assert_eq!(
            form.form.unwrap().to_string(),
            "b=1&preUploadedPresentation=https%3A%2F%2Fexample.org%2Fs%3Fid%3D7\
             &preUploadedPresentationName=Hallo.pdf"
        );
    }

    #[test]
    fn slides_of_the_client_stay_alone() {
        let given = b"<modules><module name='presentation'><document url='https://a.org/a.pdf'/>\
            </module></modules>";
        for (parameters, document) in [
            ("preUploadedPresentation=https://a.org/a.pdf", None),
            ("isBreakout=true&parentMeetingID=x", None),
            ("name=x", Some(&given[..])),
            ("name=x", Some(&b"no xml"[..])),
            ("name=x", Some(&b"<html></html>"[..])),
        ] {
            let mut after = query(parameters);
            assert_eq!(welcome().bring(&mut after, document), None, "{parameters}");
            assert_eq!(after, query(parameters));
        }
    }

    #[test]
    fn addresses_that_a_node_would_not_fetch_are_refused() {
        for (url, name, valid) in [
            (URL, None, true),
            ("http://example.org:8080/a.pdf", None, true),
            ("https://example.org/a", Some("a.pdf"), true),
            ("https://example.org/a", None, false),
            ("https://example.org/.pdf", None, false),
            ("https://example.org", None, false),
            ("ftp://example.org/a.pdf", None, false),
            ("https://user@example.org/a.pdf", None, false),
            ("https://example.org/a b.pdf", None, false),
            ("/a.pdf", None, false),
            ("", None, false),
        ] {
            assert_eq!(Presentation::new(url, name).is_ok(), valid, "{url} {name:?}");
        }
    }
}
