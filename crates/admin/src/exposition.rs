//! Prometheus' text format, version 0.0.4. Pure.
//!
//! A scrape of 500 nodes has ten thousand lines, written while others wait: each
//! goes straight into the text, and nothing is allocated for it.

use std::fmt::{Display, Write as _};

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// How many observations were at most so large.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper ends, rising, and how many were at most that.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
}

/// Metrics being written down.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// A family of one sample without labels.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help, [([], value)]);
    }

    /// A family of samples that differ in their labels. Labels have few
    /// values: never one per client, meeting or path.
    pub fn family<'a, const N: usize, V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = ([(&'a str, &'a str); N], V)>,
    ) {
        self.head(
            name,
            help,
            match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            },
        );
        for (labels, value) in samples {
            self.text.push_str(name);
            if !labels.is_empty() {
                self.text.push('{');
                self.labels(&labels);
                self.text.push('}');
            }
            self.value(value);
        }
    }

    /// A family of histograms that differ in their labels.
    pub fn histogram<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([(&'a str, &'a str); N], Histogram)>,
    ) {
        self.head(name, help, "histogram");
        for (labels, histogram) in samples {
            let Histogram { buckets, count, sum } = histogram;
            for (bound, below) in buckets {
                self.bucket(name, &labels, bound, below);
            }
            self.bucket(name, &labels, "+Inf", count);
            self.part(name, "_sum{", &labels);
            self.text.push('}');
            self.value(sum);
            self.part(name, "_count{", &labels);
            self.text.push('}');
            self.value(count);
        }
    }

    fn bucket(&mut self, name: &str, labels: &[(&str, &str)], bound: impl Display, below: u64) {
        self.part(name, "_bucket{", labels);
        self.text.push_str(if labels.is_empty() { "le=\"" } else { ",le=\"" });
        self.print(bound);
        self.text.push_str("\"}");
        self.value(below);
    }

    fn part(&mut self, name: &str, part: &str, labels: &[(&str, &str)]) {
        self.text.push_str(name);
        self.text.push_str(part);
        self.labels(labels);
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        for part in ["# HELP ", name, " ", &help.replace('\\', "\\\\").replace('\n', "\\n")] {
            self.text.push_str(part);
        }
        for part in ["\n# TYPE ", name, " ", kind, "\n"] {
            self.text.push_str(part);
        }
    }

    /// The whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn labels(&mut self, labels: &[(&str, &str)]) {
        for (index, (key, value)) in labels.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.escaped(value);
            self.text.push('"');
        }
    }

    fn escaped(&mut self, value: &str) {
        // Names of nodes and tenants and words of ours never need it.
        if !value.contains(['\\', '"', '\n']) {
            return self.text.push_str(value);
        }
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
    }

    /// What ends a line.
    fn value(&mut self, value: impl Display) {
        self.text.push(' ');
        self.print(value);
        self.text.push('\n');
    }

    fn print(&mut self, value: impl Display) {
        write!(self.text, "{value}").expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_help_are_escaped() {
        let mut out = Exposition::default();
        out.single("a_total", Kind::Counter, "One\nline, one \\", 7);
        out.family("b", Kind::Gauge, "Two", [([("x", "q\"\\\n"), ("y", "")], 0.5)]);
        let histogram = Histogram { buckets: vec![(0.005, 1), (1.0, 2)], count: 3, sum: 4.5 };
        out.histogram("c", "Three", [([("x", "y")], histogram)]);
        insta::assert_snapshot!(out.into_text(), @r#"
        # HELP a_total One\nline, one \\
        # TYPE a_total counter
        a_total 7
        # HELP b Two
        # TYPE b gauge
        b{x="q\"\\\n",y=""} 0.5
        # HELP c Three
        # TYPE c histogram
        c_bucket{x="y",le="0.005"} 1
        c_bucket{x="y",le="1"} 2
        c_bucket{x="y",le="+Inf"} 3
        c_sum{x="y"} 4.5
        c_count{x="y"} 3
        "#);
    }
}
