//! The one page of the frontend, as HTML.

use std::fmt::{self, Write as _};

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// The cluster's origin.
    pub(crate) cluster: String,
    /// What the last action said, if anything.
    pub(crate) notice: Option<String>,
    /// Running meetings.
    pub(crate) meetings: Vec<MeetingRow>,
    /// The simulated nodes.
    pub(crate) nodes: Vec<NodeRow>,
    /// Whether clients come from the cluster's origin.
    pub(crate) proxied: bool,
}

/// One running meeting.
#[derive(Clone, Debug)]
pub(crate) struct MeetingRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) participants: String,
    /// The node's name, or why it is not known.
    pub(crate) node: String,
}

/// One simulated node.
#[derive(Clone, Debug)]
pub(crate) struct NodeRow {
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) powered: bool,
}

impl Page {
    /// The whole document.
    pub(crate) fn html(&self) -> String {
        let mut out = String::from(include_str!("head.html"));
        self.body(&mut out).expect("writing to a String cannot fail");
        out
    }

    fn body(&self, out: &mut String) -> fmt::Result {
        let about = if self.proxied {
            "Every node's client comes from this one origin, so the browser asks for microphone and camera once."
        } else {
            "Each node serves its own client here, so the browser asks again at every node."
        };
        write!(
            out,
            "<header><h1>Bluegate demo</h1><p>The cluster's origin is <code>{}</code>. {about}</p></header><main>",
            Escaped(&self.cluster)
        )?;
        if let Some(notice) = &self.notice {
            write!(out, "<p class=\"notice\" role=\"status\">{}</p>", Escaped(notice))?;
        }
        out.push_str(START_FORM);
        self.meetings(out)?;
        self.nodes(out)?;
        out.push_str("</main></body></html>\n");
        Ok(())
    }

    fn meetings(&self, out: &mut String) -> fmt::Result {
        out.push_str("<section><h2>Meetings</h2>");
        if self.meetings.is_empty() {
            out.push_str("<p class=\"empty\">None yet. Start two and see that they land on different nodes.</p></section>");
            return Ok(());
        }
        out.push_str(
            "<table><thead><tr><th>Name</th><th>Node</th><th>People</th><th>Join in a new tab</th><th></th></tr></thead><tbody>",
        );
        for meeting in &self.meetings {
            let id = Escaped(&meeting.id);
            write!(
                out,
                "<tr data-meeting=\"{id}\" data-node=\"{node}\"><td>{name}</td><td><code>{node}</code></td><td>{people}</td>\
                 <td>{moderator} {viewer}</td>\
                 <td><form method=\"post\" action=\"/end\"><input type=\"hidden\" name=\"meeting\" value=\"{id}\">\
                 <button class=\"quiet\">End</button></form></td></tr>",
                node = Escaped(&meeting.node),
                name = Escaped(&meeting.name),
                people = Escaped(&meeting.participants),
                moderator = JoinForm { id: &meeting.id, role: "moderator" },
                viewer = JoinForm { id: &meeting.id, role: "viewer" },
            )?;
        }
        out.push_str("</tbody></table></section>");
        Ok(())
    }

    fn nodes(&self, out: &mut String) -> fmt::Result {
        out.push_str(
            "<section><h2>Nodes</h2><table><thead><tr><th>Name</th><th>Its own origin</th><th>Power</th></tr></thead><tbody>",
        );
        for node in &self.nodes {
            let (state, action) = if node.powered { ("on", "off") } else { ("off", "on") };
            write!(
                out,
                "<tr data-node=\"{name}\" data-power=\"{state}\"><td><code>{name}</code></td><td><code>{origin}</code></td>\
                 <td><form method=\"post\" action=\"/power\"><input type=\"hidden\" name=\"node\" value=\"{name}\">\
                 <input type=\"hidden\" name=\"power\" value=\"{action}\">\
                 <span class=\"power {state}\">{state}</span> <button class=\"quiet\">Switch {action}</button></form></td></tr>",
                name = Escaped(&node.name),
                origin = Escaped(&node.origin),
            )?;
        }
        out.push_str(
            "</tbody></table><p class=\"hint\">A node that is switched off loses its meetings, as a real one would. \
             The others keep serving.</p></section>",
        );
        Ok(())
    }
}

const START_FORM: &str = "<section><h2>Start a meeting</h2>\
    <form method=\"post\" action=\"/start\" class=\"row\"><label>Name \
    <input name=\"name\" required minlength=\"2\" maxlength=\"64\" placeholder=\"Physics 101\"></label> \
    <button>Start</button></form></section>";

struct JoinForm<'a> {
    id: &'a str,
    role: &'static str,
}

impl fmt::Display for JoinForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("meeting", self.id)
            .append_pair("role", self.role)
            .finish();
        let role = self.role;
        write!(
            f,
            "<a class=\"button\" target=\"_blank\" rel=\"noopener\" href=\"/join?{}\">as {role}</a>",
            Escaped(&query)
        )
    }
}

/// Text made safe between tags and inside quoted attributes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let page = Page {
            meetings: vec![MeetingRow {
                id: "a\"b&c".into(),
                name: "<script>alert(1)</script>".into(),
                participants: "0".into(),
                node: "bbb-01".into(),
            }],
            ..Page::default()
        };
        let html = page.html();
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"));
        assert!(html.contains("data-meeting=\"a&quot;b&amp;c\""));
        assert!(html.contains("meeting=a%22b%26c&amp;role=viewer"));
    }
}
