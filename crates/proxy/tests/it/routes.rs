//! Routes change while requests are under way.

use bytes::Bytes;
use http::StatusCode;

use crate::{
    fake_node::{FakeNode, download, hello, ok},
    front::{Setup, node_at, whole},
};

#[tokio::test]
async fn a_change_takes_effect_at_once_and_breaks_nothing() {
    let (slow, pieces) = download().await;
    let (kept, new) = (hello().await, hello().await);
    let front = Setup::new().mount("slow", &slow).mount("kept", &kept).start().await;

    let request = front.request("GET", "/slow/html5client/big").body(Bytes::new()).unwrap();
    pieces.send(Bytes::from_static(b"first ")).await.unwrap();
    let download = front.open(request).await;
    front.get("/kept/html5client/a.js").await;
    assert_eq!(front.get("/new/html5client/a.js").await.status, StatusCode::NOT_FOUND);

    front.route([
        node_at("kept", kept.address, Some("3.0")),
        node_at("new", new.address, Some("3.0")),
    ]);

    assert_eq!(front.get("/new/html5client/a.js").await.status, StatusCode::OK);
    assert_eq!(front.get("/slow/html5client/big").await.status, StatusCode::NOT_FOUND);
    // The node that did not change keeps its connection.
    front.get("/kept/html5client/a.js").await;
    assert_eq!((kept.requests().len(), kept.connections()), (2, 1));
    // What had begun on the node that is gone comes to its end.
    pieces.send(Bytes::from_static(b"last")).await.unwrap();
    drop(pieces);
    assert_eq!(whole(download).await.unwrap().body, "first last");
}

#[tokio::test]
async fn a_node_that_moved_is_asked_at_its_new_place() {
    let old = FakeNode::start(|_| ok("old", &[])).await;
    let new = FakeNode::start(|_| ok("new", &[])).await;
    let front = Setup::new().mount("bbb-01", &old).start().await;
    let target = "/bbb-01/html5client/a.js";
    assert_eq!(front.get(target).await.body, "old");
    front.route([node_at("bbb-01", new.address, Some("3.0"))]);
    assert_eq!(front.get(target).await.body, "new");
    assert_eq!(old.requests().len(), 1);
}
