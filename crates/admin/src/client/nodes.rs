//! Nodes, and what is believed of them.

use bluegate_cluster::Mount;
use http::Method;

use super::{Client, ClientError};
use crate::{
    ClusterHealth, NodeChange, NodeDetail, NodeHealthReport, NodeRemoved, NodeSpec, NodesReport,
    ScalerNode,
};

impl Client {
    /// `GET /v1/nodes`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn nodes(&self) -> Result<NodesReport, ClientError> {
        self.call(Method::GET, "/v1/nodes").await
    }

    /// `POST /v1/nodes`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_node(&self, node: &NodeSpec) -> Result<ScalerNode, ClientError> {
        self.call_with(Method::POST, "/v1/nodes", Some(node)).await
    }

    /// `GET /v1/nodes/{name}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn node(&self, name: &Mount) -> Result<NodeDetail, ClientError> {
        self.call(Method::GET, &format!("/v1/nodes/{name}")).await
    }

    /// `PATCH /v1/nodes/{name}`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn change_node(
        &self,
        name: &Mount,
        change: &NodeChange,
    ) -> Result<ScalerNode, ClientError> {
        self.call_with(Method::PATCH, &format!("/v1/nodes/{name}"), Some(change)).await
    }

    /// `DELETE /v1/nodes/{name}`; with meetings on it only when told to insist.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn remove_node(
        &self,
        name: &Mount,
        insist: bool,
    ) -> Result<NodeRemoved, ClientError> {
        self.call(Method::DELETE, &format!("/v1/nodes/{name}?insist={insist}")).await
    }

    /// `GET /v1/health`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn health(&self) -> Result<ClusterHealth, ClientError> {
        self.call(Method::GET, "/v1/health").await
    }

    /// `POST /v1/nodes/{node}/lost`
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn lose(&self, node: &Mount) -> Result<NodeHealthReport, ClientError> {
        self.call(Method::POST, &format!("/v1/nodes/{node}/lost")).await
    }
}
