//! Properties of all readers: no text makes one panic, and what a careful
//! writer wrote is read back.

use proptest::prelude::*;

use super::{environment, nginx, properties::Properties, systemd::ServiceEnvironment, yaml};

/// Text made of what the formats give a meaning to.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z0-9 =:;#!{}$\"'\\\\\\[\\]\n\r\t,%&u-]{0,200}",]
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in hostile()) {
        let properties = Properties::parse(&text);
        prop_assert_eq!(properties.get("no such key \u{0}"), None);
        drop(environment::parse(&text));
        ServiceEnvironment::default().read(&text);
        drop(nginx::parse(&text));
        drop(yaml::parse(&text));
        drop(crate::query::Parameters::parse(&text));
    }

    #[test]
    fn an_escaped_property_is_read_back(key in "[a-z.]{1,12}", value in any::<String>()) {
        let escaped: String = value
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        let properties = Properties::parse(&format!("# c\n{key} = {escaped}\nother=1\n"));
        prop_assert_eq!(properties.raw(&key), Some(value.as_str()));
    }

    #[test]
    fn a_quoted_variable_is_read_back(value in "[^\\n\\r]{0,40}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let variables = environment::parse(&format!("A=0\nA=\"{quoted}\"\nB=1"));
        prop_assert_eq!(variables.get("A"), Some(&value));
    }

    #[test]
    fn a_quoted_nginx_word_is_read_back(value in any::<String>()) {
        let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
        let tree = nginx::parse(&format!("set $a '{quoted}';")).unwrap();
        prop_assert_eq!(&tree[0].words[2], &value);
    }
}
