//! A JSON object.

use serde_json::{Map, Value};

use super::Filled;

/// An object with the values as strings and lists of strings.
pub(crate) fn json(values: &[(String, Filled)]) -> String {
    let object: Map<String, Value> = values
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Filled::One(text) => Value::from(text.as_str()),
                Filled::Many(texts) => Value::from(texts.clone()),
            };
            (key.clone(), value)
        })
        .collect();
    let mut out =
        serde_json::to_string_pretty(&object).expect("an object of strings is always JSON");
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stay_lists() {
        let values = [("cluster_proxies".to_owned(), Filled::Many(vec!["https://a".to_owned()]))];
        assert_eq!(json(&values), "{\n  \"cluster_proxies\": [\n    \"https://a\"\n  ]\n}\n");
    }
}
