use proptest::prelude::*;

use super::*;

#[test]
fn documents_print_as_they_were_read() {
    for text in [
        "<response><returncode>SUCCESS</returncode></response>",
        "<?xml version=\"1.0\"?>\n<response>\n  <a x='1' y=\"&lt;\"/>\n  <b ></b>\n</response>\n",
        "<r><!-- note --><a><![CDATA[<x> & ]]></a>&amp;&#39;&unknown; & x</r>",
        "<r><newElement><deep>1</deep></newElement><messageKey></messageKey><message/></r>",
    ] {
        assert_eq!(Document::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn texts_are_unescaped_and_escaped_again() {
    let document =
        Document::parse("<r><a>x &amp; &#x41;&#39;&lt;<![CDATA[<&]]></a><b>&nope; & c</b></r>")
            .unwrap();
    assert_eq!(document.root().text_of("a").unwrap(), "x & A'<<&");
    assert_eq!(document.root().text_of("b").unwrap(), "&nope; & c");
    assert_eq!(
        escape("<a href=\"x\">'&'\u{1}</a>"),
        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
    );
}

#[test]
fn an_edit_changes_only_its_element() {
    let mut document =
        Document::parse("<r><meetingID>a</meetingID><x y='1'>&#39;</x><m><k/><l/></m></r>")
            .unwrap();
    document.root_mut().child_mut("meetingID").unwrap().set_text("<b>");
    document.root_mut().child_mut("m").unwrap().remove_where(|child| child.name() == "k");
    assert_eq!(
        document.to_string(),
        "<r><meetingID>&lt;b&gt;</meetingID><x y='1'>&#39;</x><m><l/></m></r>"
    );
}

#[test]
fn names_made_from_user_input_do_not_break_the_document() {
    for text in ["<r><a b>v</a b></r>", "<r><1x>v</1x></r>", "<r><a=\"1\">v</a=\"1\"></r>"] {
        assert!(Document::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn what_is_not_a_document_is_refused() {
    let deep = format!("{}{}", "<a>".repeat(33), "</a>".repeat(33));
    for (text, wanted) in [
        ("", XmlError::Malformed),
        ("502 Bad Gateway", XmlError::Malformed),
        ("<html><br></html>", XmlError::Malformed),
        ("<r>", XmlError::Malformed),
        ("<r></r><r></r>", XmlError::Malformed),
        ("<r></r>x", XmlError::Malformed),
        ("</r>", XmlError::Malformed),
        ("<r></s>", XmlError::Malformed),
        ("<r><a", XmlError::Malformed),
        ("<!DOCTYPE r [<!ENTITY x 'y'>]><r>&x;</r>", XmlError::Doctype),
        (deep.as_str(), XmlError::TooDeep),
    ] {
        assert_eq!(Document::parse(text), Err(wanted), "{text}");
    }
}

#[test]
fn elements_of_a_list_come_as_they_stand() {
    let text =
        "<r><x><l><m>0</m></l></x><l> <m a='1'>x<m/><![CDATA[</m>]]></m>,<m/></l><l><m/></l></r>";
    let (around, elements) = Document::parse_apart(text, "l").unwrap();
    assert_eq!(elements, ["<m a='1'>x<m/><![CDATA[</m>]]></m>", "<m/>"]);
    assert_eq!(around.to_string(), "<r><x><l><m>0</m></l></x><l> ,</l><l><m/></l></r>");

    let deep = format!("<r><l>{}{}</l></r>", "<a>".repeat(31), "</a>".repeat(31));
    assert_eq!(Document::parse_apart(&deep, "l"), Err(XmlError::TooDeep));
    assert_eq!(Document::parse_apart("<r><l><m></n></l></r>", "l"), Err(XmlError::Malformed));
}

fn elements() -> impl Strategy<Value = Element> {
    let name = "[a-z][a-zA-Z0-9-]{0,8}";
    let leaf = (name, "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,12}").prop_map(
        |(name, text)| {
            let mut element = Element::new(&name);
            element.set_text(&text);
            element
        },
    );
    leaf.prop_recursive(4, 24, 5, move |inner| {
        (name, proptest::collection::vec(inner, 0..5)).prop_map(|(name, children)| {
            children.into_iter().fold(Element::new(&name), Element::with)
        })
    })
}

proptest! {
    #[test]
    fn what_we_write_reads_back_the_same(element in elements()) {
        let printed = Document::of(element.clone()).to_string();
        let read = Document::parse(&printed).unwrap();
        prop_assert_eq!(read.root(), &element);
    }

    #[test]
    fn what_parses_prints_the_same(text in "(<[ab]( x='1')?/?>|</[ab]>|[&;xy ]|<!-- c -->){0,16}") {
        let text = format!("<r>{text}</r>");
        if let Ok(document) = Document::parse(&text) {
            prop_assert_eq!(document.to_string(), text);
        }
    }

    #[test]
    fn a_list_read_apart_is_the_list(
        text in "(<[lm]( x='1')?/?>|<m>|</[lm] ?>|<!\\[CDATA\\[</m><l>\\]\\]>|[&;x ]|<!-- </m> -->){0,24}"
    ) {
        let text = format!("\u{feff}<r>{text}</r>");
        let apart = Document::parse_apart(&text, "l");
        let mut whole = Document::parse(&text);
        let (around, elements) = match (apart, &mut whole) {
            (Ok(apart), Ok(_)) => apart,
            (apart, whole) => {
                prop_assert_eq!(apart.map(drop), whole.clone().map(drop));
                return Ok(());
            }
        };
        let read = elements.iter().map(|text| Document::parse(text).map(|read| read.root));
        let read: Vec<Element> = read.collect::<Result<_, _>>().unwrap();
        let root = whole.as_mut().unwrap().root_mut();
        let listed: Vec<Element> =
            root.child("l").into_iter().flat_map(Element::elements).cloned().collect();
        prop_assert_eq!(read, listed);
        if let Some(list) = root.child_mut("l") {
            list.remove_where(|_| true);
        }
        prop_assert_eq!(around.to_string(), whole.unwrap().to_string());
    }

    #[test]
    fn no_text_panics(text in ".{0,64}|[<>/&;!\\[\\]a\"'= -]{0,64}") {
        if let Ok(document) = Document::parse(&text) {
            prop_assert!(!document.root().name().is_empty());
        }
    }
}

#[test]
fn attributes_are_read_and_written_escaped() {
    let text = "<m  a = \"1\" b='x=\"&amp;' c=\"\"><n/></m>";
    let document = Document::parse(text).unwrap();
    let of = |name: &str| document.root().attribute(name);
    assert_eq!(of("a").as_deref(), Some("1"));
    assert_eq!(of("b").as_deref(), Some("x=\"&"));
    assert_eq!(of("c").as_deref(), Some(""));
    assert_eq!(of("d"), None);
    assert_eq!(Element::new("m").attribute("m"), None);
    let written = Element::self_closing("m").with_attribute("a", "\"<&");
    assert_eq!(written.to_string(), "<m a=\"&quot;&lt;&amp;\"/>");
    assert_eq!(written.attribute("a").as_deref(), Some("\"<&"));
}
