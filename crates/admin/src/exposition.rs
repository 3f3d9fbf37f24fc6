//! Prometheus' text format, version 0.0.4. Pure.

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
            match self::labels(&labels).as_str() {
                "" => self.line(format_args!("{name} {value}")),
                labels => self.line(format_args!("{name}{{{labels}}} {value}")),
            }
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
            let labels = self::labels(&labels);
            let comma = if labels.is_empty() { "" } else { "," };
            let Histogram { buckets, count, sum } = histogram;
            for (bound, below) in buckets {
                self.line(format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}"));
            }
            self.line(format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}"));
            self.line(format_args!("{name}_sum{{{labels}}} {sum}"));
            self.line(format_args!("{name}_count{{{labels}}} {count}"));
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// The whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("writing to a string cannot fail");
    }
}

fn labels(labels: &[(&str, &str)]) -> String {
    let labels = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value)));
    labels.collect::<Vec<_>>().join(",")
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
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
