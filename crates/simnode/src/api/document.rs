//! XML modules in request bodies, and `insertDocument`.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::ApiRequest;
use crate::{
    answer::{self, Answer, Caching},
    state::NodeState,
    xml::Xml,
};

/// How deep a modules document may nest.
const DEPTH_MAX: usize = 16;

/// What the simulation takes from a modules document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Modules {
    /// Whether there is a presentation module.
    pub(super) presentation: bool,
    /// The name of the document that is shown first.
    pub(super) current_document: Option<String>,
}

/// The body is not well-formed XML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotXml;

/// Reads the XML body of a request; no body or a form are no modules.
pub(super) fn modules(request: &ApiRequest) -> Result<Modules, NotXml> {
    let is_xml = request
        .media_type()
        .is_some_and(|media_type| ["application/xml", "text/xml"].contains(&media_type.as_str()));
    if !is_xml || request.body.is_empty() {
        return Ok(Modules::default());
    }
    read(std::str::from_utf8(&request.body).map_err(|_| NotXml)?)
}

fn read(text: &str) -> Result<Modules, NotXml> {
    let mut reader = Reader::from_str(text);
    let mut modules = Modules::default();
    let mut documents: Vec<(bool, String)> = Vec::new();
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|_| NotXml)?;
        if let Event::Start(tag) | Event::Empty(tag) = &event {
            roots += usize::from(depth == 0);
            match tag.name().as_ref() {
                "module" => {
                    modules.presentation |=
                        attribute(tag, "name")?.as_deref() == Some("presentation");
                }
                "document" => {
                    let name = attribute(tag, "filename")?
                        .or(attribute(tag, "name")?)
                        .or(attribute(tag, "url")?
                            .map(|url| url.rsplit('/').next().unwrap_or_default().to_owned()));
                    let current = attribute(tag, "current")?.as_deref() == Some("true");
                    // A file without extension is skipped.
                    documents
                        .extend(name.filter(|name| name.contains('.')).map(|name| (current, name)));
                }
                _ => {}
            }
        }
        match event {
            Event::Start(_) if depth == DEPTH_MAX => return Err(NotXml),
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.checked_sub(1).ok_or(NotXml)?,
            Event::Text(text) if depth == 0 && !text.as_ref().trim().is_empty() => {
                return Err(NotXml);
            }
            Event::Eof if depth == 0 && roots == 1 => break,
            Event::Eof => return Err(NotXml),
            _ => {}
        }
    }
    let at = documents.iter().position(|(current, _)| *current).unwrap_or(0);
    modules.current_document = documents.into_iter().nth(at).map(|(_, name)| name);
    Ok(modules)
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, NotXml> {
    let Some(attribute) = tag.try_get_attribute(name).map_err(|_| NotXml)? else {
        return Ok(None);
    };
    quick_xml::escape::unescape(&attribute.value)
        .map(|value| Some(value.into_owned()))
        .map_err(|_| NotXml)
}

/// `insertDocument`: answers without a message key.
pub(super) fn insert(node: &NodeState, request: &ApiRequest) -> Answer {
    let id = request.parameters.get("meetingID").unwrap_or_default();
    let Ok(modules) = modules(request) else {
        return answer::page(http::StatusCode::INTERNAL_SERVER_ERROR);
    };
    if !modules.presentation {
        return answer::page(http::StatusCode::NOT_FOUND);
    }
    let text = node.change(|meetings, now| {
        let Some(internal_id) = meetings.find(id).map(|meeting| meeting.internal_id.clone()) else {
            return Xml::response("FAILED", |xml| {
                xml.value("message", format!("Meeting with id [{id}] not found."));
            });
        };
        if let Some(name) = modules.current_document {
            meetings.show_presentation(&internal_id, &name, now);
        }
        Xml::success(|xml| xml.value("message", "Presentation is being uploaded"))
    });
    answer::xml(text, Caching::Unsaid)
}

#[cfg(test)]
mod tests {
    use super::{Modules, NotXml, read};

    #[test]
    fn reads_modules() {
        let text = "<?xml version='1.0'?><modules><module name='presentation'>\
            <document url='https://a/x.pdf'/><document name=\"b &amp; c.pdf\" current='true'>QUJD</document>\
            </module><module name=\"clientSettingsOverride\"><![CDATA[{}]]></module></modules>";
        let expected =
            Modules { presentation: true, current_document: Some("b & c.pdf".to_owned()) };
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn refuses_what_is_not_xml() {
        for text in ["", "a=b", "<modules>", "<a></b>", "<a/><b/>", "<a b='&nope;'/>x"] {
            assert_eq!(read(text), Err(NotXml), "{text:?}");
        }
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        assert_eq!(read(&deep), Err(NotXml));
    }
}
