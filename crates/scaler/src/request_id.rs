//! The ID of the request that is being answered: part of every event of the log on
//! the way, and of every call to a node.
//!
//! The listener gives it (`X-Request-Id`, whatever the client said). It goes along
//! with the task that answers, and with the tasks that this one leaves behind.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Instrument as _;

/// The header that carries it, to us and to nodes.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// The ID that the listener gave to a request.
pub(crate) fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(X_REQUEST_ID).cloned()
}

/// Runs `work` as that of the request of this ID.
pub(crate) async fn within<T>(id: Option<HeaderValue>, work: impl Future<Output = T>) -> T {
    let Some(id) = id else { return work.await };
    // Of the highest level, so that it is there whatever the log shows.
    let span = tracing::error_span!("request", request.id = %id.to_str().unwrap_or_default());
    CURRENT.scope(id, work).instrument(span).await
}

/// `work` for a task of its own, as that of the request that is being answered
/// here, if one is.
pub(crate) fn carried<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    within(current(), work)
}

/// The ID of the request that is being answered here, if one is.
pub(crate) fn current() -> Option<HeaderValue> {
    CURRENT.try_with(HeaderValue::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_goes_along_with_what_is_left_behind() {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("of-this-one"));
        let id = given(&headers);
        let elsewhere =
            within(id, async { tokio::spawn(carried(async { current() })).await.unwrap() }).await;
        assert_eq!(elsewhere.unwrap(), "of-this-one");
        assert_eq!(current(), None);
        assert_eq!(carried(async { current() }).await, None);
        assert_eq!(within(given(&HeaderMap::new()), async { current() }).await, None);
    }
}
