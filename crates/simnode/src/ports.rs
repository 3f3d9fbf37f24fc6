//! The ports on which a node's services listen behind its nginx.

/// One port per service. [`Ports::default`] are those of the packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// `bbb-web`.
    pub web: u16,
    /// `bbb-graphql-middleware`.
    pub graphql_middleware: u16,
    /// `bbb-graphql-server`, where nginx asks it.
    pub graphql_server: u16,
    /// `bbb-webrtc-sfu`.
    pub sfu: u16,
    /// The SIP socket.
    pub sip: u16,
    /// `etherpad`.
    pub etherpad: u16,
    /// `bbb-html5`.
    pub html5: u16,
    /// LiveKit.
    pub livekit: u16,
    /// The shared notes server.
    pub shared_notes: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            web: 8090,
            graphql_middleware: 8378,
            graphql_server: 8185,
            sfu: 3008,
            sip: 5066,
            etherpad: 9001,
            html5: 4100,
            livekit: 7880,
            shared_notes: 8787,
        }
    }
}

impl Ports {
    /// Ports in the order of [`Ports::all`].
    pub(crate) fn of(numbers: [u16; 9]) -> Self {
        let [
            web,
            graphql_middleware,
            graphql_server,
            sfu,
            sip,
            etherpad,
            html5,
            livekit,
            shared_notes,
        ] = numbers;
        Self {
            web,
            graphql_middleware,
            graphql_server,
            sfu,
            sip,
            etherpad,
            html5,
            livekit,
            shared_notes,
        }
    }

    /// All of them in a fixed order.
    pub(crate) fn all(self) -> [u16; 9] {
        [
            self.web,
            self.graphql_middleware,
            self.graphql_server,
            self.sfu,
            self.sip,
            self.etherpad,
            self.html5,
            self.livekit,
            self.shared_notes,
        ]
    }

    /// A package file with these ports in place of the package's.
    pub(crate) fn fill(self, text: &str) -> String {
        let packaged = Self::default();
        if self == packaged {
            return text.to_owned();
        }
        // In two steps, since a new port may be another service's old one.
        let marked = packaged.all().iter().enumerate().fold(text.to_owned(), |text, (at, port)| {
            text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:<{at}>"))
        });
        self.all().iter().enumerate().fold(marked, |text, (at, port)| {
            text.replace(&format!("127.0.0.1:<{at}>"), &format!("127.0.0.1:{port}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;

    #[test]
    fn ports_take_each_others_places() {
        let ports = Ports { web: 8378, graphql_middleware: 8090, ..Ports::default() };
        let text = "a http://127.0.0.1:8090; b http://127.0.0.1:8378/x;";
        assert_eq!(ports.fill(text), "a http://127.0.0.1:8378; b http://127.0.0.1:8090/x;");
        assert_eq!(Ports::default().fill(text), text);
    }
}
