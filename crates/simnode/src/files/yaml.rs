//! YAML files as JSON values, and the two ways in which services merge them.

use serde_json::Value;

/// A YAML text that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("not valid YAML: {reason}")]
pub struct YamlError {
    /// What the reader said, with the place.
    reason: String,
}

/// Reads one YAML document; an empty one is an empty object.
pub(crate) fn parse(text: &str) -> Result<Value, YamlError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| YamlError { reason: error.to_string() })?;
    Ok(if value.is_null() { Value::Object(serde_json::Map::new()) } else { value })
}

/// Deep merge: objects key by key, anything else (arrays too) is replaced.
pub(crate) fn deep_merge(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (key, value) in overlay {
                deep_merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay,
    }
}

/// Merge in which an empty or zero value of the overlay cannot blank out the
/// base: how the GraphQL middleware (mergo) reads its override file.
pub(crate) fn merge_non_empty(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (key, value) in overlay {
                merge_non_empty(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => {
            if !is_zero(&overlay) {
                *base = overlay;
            }
        }
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{deep_merge, merge_non_empty, parse};

    #[test]
    fn reads_plain_words_as_text() {
        let value = parse("a: y\nb: 'x'\nc: true\nd: [1, 2]\n").unwrap();
        assert_eq!(value, json!({"a": "y", "b": "x", "c": true, "d": [1, 2]}));
        assert_eq!(parse("").unwrap(), json!({}));
        assert!(parse("a: [1").is_err());
    }

    #[test]
    fn merges_objects_and_replaces_arrays() {
        let mut base = json!({"public": {"a": 1, "b": [1, 2], "c": {"d": 1}}});
        deep_merge(&mut base, json!({"public": {"b": [3], "c": {"e": 2}, "a": ""}}));
        assert_eq!(base, json!({"public": {"a": "", "b": [3], "c": {"d": 1, "e": 2}}}));
    }

    #[test]
    fn middleware_override_cannot_blank_a_default() {
        let mut base = json!({"server": {"authorized_cross_origin": "a", "port": 1}});
        merge_non_empty(&mut base, json!({"server": {"authorized_cross_origin": "", "port": 2}}));
        assert_eq!(base, json!({"server": {"authorized_cross_origin": "a", "port": 2}}));
    }
}
