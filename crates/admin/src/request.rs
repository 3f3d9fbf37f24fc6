//! What endpoints take of a request, refused in our own shape.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Entries of one answer when nothing else is asked for.
const DEFAULT_LIMIT: u32 = 100;

/// Most entries of one answer.
const MAX_LIMIT: u32 = 1_000;

/// The JSON of the body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Json::from_request(request, state).await;
        let Json(body) = body.map_err(|rejection| ApiError::BadBody(rejection.body_text()))?;
        Ok(Self(body))
    }
}

/// The parameters of the query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::from_request_parts(parts, state).await;
        let Query(query) = query.map_err(|rejection| ApiError::BadQuery(rejection.body_text()))?;
        Ok(Self(query))
    }
}

/// The parts of the path. Text that can be no name is that of nothing there is.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(path) = path.map_err(|_| ApiError::NotFound)?;
        Ok(Self(path))
    }
}

/// How many entries an answer may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(u32);

impl Limit {
    /// What was asked for, or the usual.
    ///
    /// # Errors
    /// [`ApiError::BadQuery`] out of bounds.
    pub(crate) fn new(asked: Option<u32>) -> Result<Self, ApiError> {
        let limit = asked.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) {
            return Ok(Self(limit));
        }
        Err(ApiError::BadQuery(format!("`limit` is 1 to {MAX_LIMIT}, not {limit}")))
    }

    /// So many are fetched, to know whether there are more.
    pub(crate) fn and_one(self) -> u32 {
        self.0 + 1
    }

    /// Of those that were fetched the ones to show, and whether there are more.
    pub(crate) fn cut<T>(self, mut fetched: Vec<T>) -> (Vec<T>, bool) {
        let more = fetched.len() > self.0 as usize;
        fetched.truncate(self.0 as usize);
        (fetched, more)
    }
}
