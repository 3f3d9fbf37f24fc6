//! The learning dashboard's page, a static file of the node.

/// The page: it asks bbb-web for the meeting's data and the client's locales
/// for its texts, both on the node's own origin.
pub(crate) const PAGE: &str = include_str!("../client/dashboard.html");
