//! What one request makes of the added nodes. Pure.

use bluegate_cluster::{Mount, Node};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    RouteSpec,
    book::BookError,
    merge::{Added, Given, HeldBack, judge},
};
use utoipa::ToSchema;

/// Most nodes that are added at run time. Twice the size of the largest
/// cluster there is a word for.
const MAX_ADDED: usize = 1_000;

/// One change of the added nodes.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// A new one.
    Add(Node),
    /// One that is there, differently.
    Change(Mount, RouteChange),
    /// One less.
    Remove(Mount),
}

/// What is to differ; `null` takes a value away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteChange {
    /// Another origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Another address, or none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub address: Option<Option<String>>,
    /// Another release, or none stated.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub bbb: Option<Option<String>>,
}

/// A field that is there, though it may be `null`.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Why nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It may not stand beside the others.
    #[error(transparent)]
    Refused(#[from] HeldBack),
    /// A node of that name was added before.
    #[error("`{0}` was added before: change or remove it")]
    NameTaken(Mount),
    /// The file's nodes are changed in the file.
    #[error("`{0}` is in the configuration file: change it there and reload")]
    InFile(Mount),
    /// There is no such node.
    #[error("no node is mounted at `{0}`")]
    Unknown(Mount),
    /// A field that means nothing.
    #[error("the request's body is not understood: {0}")]
    Field(String),
    /// 1,000 were added, which is the most.
    #[error("{MAX_ADDED} nodes were added, which is the most: put them into the file")]
    TooMany,
    /// The routes are not those the client saw.
    #[error("the routes have changed since: look at them again")]
    Changed,
    /// The file with the added nodes.
    #[error("nothing was changed")]
    Book(#[from] BookError),
}

impl EditError {
    /// The answer's status and its code.
    pub(crate) fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Refused(reason) => match reason {
                HeldBack::NotAllowed { .. } => (StatusCode::FORBIDDEN, reason.code()),
                _ => (StatusCode::CONFLICT, reason.code()),
            },
            Self::NameTaken(_) => (StatusCode::CONFLICT, "name_taken"),
            Self::InFile(_) => (StatusCode::CONFLICT, "in_file"),
            Self::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_route"),
            Self::Field(_) => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::TooMany => (StatusCode::CONFLICT, "too_many"),
            Self::Changed => (StatusCode::PRECONDITION_FAILED, "changed"),
            Self::Book(_) => (StatusCode::INTERNAL_SERVER_ERROR, "routes_file"),
        }
    }
}

/// The nodes after `edit`, and the one it was about.
pub(super) fn apply(added: &Added, given: &Given, edit: Edit) -> Result<(Added, Node), EditError> {
    let mut after = added.clone();
    let node = match edit {
        Edit::Add(node) => {
            if added.contains_key(&node.name) {
                return Err(EditError::NameTaken(node.name));
            }
            if added.len() >= MAX_ADDED {
                return Err(EditError::TooMany);
            }
            node
        }
        Edit::Change(mount, change) => {
            let before = find(added, given, &mount)?;
            changed(before, change)?
        }
        Edit::Remove(mount) => {
            let gone = find(added, given, &mount)?.clone();
            after.remove(&mount);
            return Ok((after, gone));
        }
    };
    judge(&node, given, added.values().filter(|other| other.name != node.name))?;
    after.insert(node.name.clone(), node.clone());
    Ok((after, node))
}

fn find<'a>(added: &'a Added, given: &Given, mount: &Mount) -> Result<&'a Node, EditError> {
    added.get(mount).ok_or_else(|| {
        if given.nodes.iter().any(|node| node.name == *mount) {
            EditError::InFile(mount.clone())
        } else {
            EditError::Unknown(mount.clone())
        }
    })
}

fn changed(before: &Node, change: RouteChange) -> Result<Node, EditError> {
    let spec = RouteSpec::from(before);
    let spec = RouteSpec {
        origin: change.origin.unwrap_or(spec.origin),
        address: change.address.unwrap_or(spec.address),
        bbb: change.bbb.unwrap_or(spec.bbb),
        ..spec
    };
    spec.node().map_err(EditError::Field)
}
