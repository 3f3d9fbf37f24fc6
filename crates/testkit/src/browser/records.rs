//! What was seen of each page: its requests, its console, its errors.

/// The most entries kept of each kind for each page; later ones are left out.
pub(super) const MOST_ENTRIES: usize = 20_000;

/// A request that a page has made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NetworkRequest {
    /// The protocol's name for it.
    pub id: String,
    /// Where it went; after a redirect there is an entry for each address.
    pub url: String,
    /// GET, POST ...; GET for a WebSocket.
    pub method: String,
    /// Document, Stylesheet, Script, Font, Fetch, XHR, Preflight, WebSocket ...
    pub kind: String,
    /// The answer's status, once there is one.
    pub status: Option<u16>,
    /// Whether the answer came from a cache of the browser.
    pub from_cache: bool,
    /// Bytes that came over the network, headers included.
    pub received: u64,
    /// Whether the whole answer has arrived.
    pub finished: bool,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// A line on a page's console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleMessage {
    /// log, warning, error ...
    pub level: String,
    /// The text.
    pub text: String,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct PageRecords {
    pub(super) session: String,
    pub(super) target: String,
    pub(super) address: String,
    pub(super) closed: bool,
    pub(super) requests: Vec<NetworkRequest>,
    pub(super) console: Vec<ConsoleMessage>,
    pub(super) errors: Vec<String>,
}

/// All pages, in the order in which they were opened.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) pages: Vec<PageRecords>,
}

impl Records {
    pub(super) fn open_sessions(&self) -> Vec<String> {
        let open = self.pages.iter().filter(|page| !page.closed);
        open.map(|page| page.session.clone()).collect()
    }

    pub(super) fn page(&self, session: &str) -> Option<&PageRecords> {
        self.pages.iter().find(|page| page.session == session)
    }

    pub(super) fn page_mut(&mut self, session: &str) -> Option<&mut PageRecords> {
        self.pages.iter_mut().find(|page| page.session == session)
    }
}

impl PageRecords {
    /// The request that an event is about: the latest of that name, as a redirect keeps the name.
    pub(super) fn request_mut(&mut self, id: &str) -> Option<&mut NetworkRequest> {
        self.requests.iter_mut().rev().find(|request| request.id == id)
    }
}

/// Adds an entry if there is room.
pub(super) fn push<T>(entries: &mut Vec<T>, entry: T) {
    if entries.len() < MOST_ENTRIES {
        entries.push(entry);
    }
}
