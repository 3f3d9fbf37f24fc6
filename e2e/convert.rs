//! Converting a cluster that runs, as docs/convert.md says.

use std::{fs, path::Path, time::Duration};

use bluegate_testkit::{
    Process, eventually,
    http::{Request, Response},
};

use crate::{
    cluster::{BLUEGATE, Cluster, ReadyNode},
    command_line::{bluegate, free_port, seen, signal},
};

const WITHIN: Duration = Duration::from_secs(40);

/// A proxy with a file of its own, over a cluster's nodes.
struct Front {
    folder: tempfile::TempDir,
    origin: String,
    address: String,
    ports: [u16; 2],
    process: Process,
}

impl Front {
    async fn start(cluster: &Cluster, host: &str, proxied: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = [free_port(), free_port()];
        let port = ports[0];
        let origin = format!("http://{host}.cluster.localhost:{port}");
        let file = folder.path().join("bluegate.toml");
        fs::write(folder.path().join("token"), "a-token-of-this-test\n").unwrap();
        write(&file, cluster, &origin, ports, proxied);
        let arguments = ["serve", "-c", file.to_str().unwrap()];
        let process = Process::start(Path::new(BLUEGATE), arguments).unwrap();
        let this = Self { folder, origin, address: format!("127.0.0.1:{port}"), ports, process };
        eventually("the proxy answers", WITHIN, || async {
            Request::get("/").send(&this.address).await.ok().map(drop)
        })
        .await
        .unwrap();
        this
    }

    fn file(&self) -> String {
        self.folder.path().join("bluegate.toml").display().to_string()
    }

    /// Writes the file with these nodes in the cluster; the process does not know yet.
    fn say(&self, cluster: &Cluster, proxied: &[&str]) {
        write(Path::new(&self.file()), cluster, &self.origin, self.ports, proxied);
    }

    /// Has the process read its file, and waits until it relays `node`, or no longer does.
    async fn reload(&self, node: &str, is_relayed: bool) {
        signal(&self.process, "-HUP");
        let file = self.file();
        eventually("the proxy follows its file", WITHIN, || async {
            let output = bluegate(&["routes", "list", "--json", "-c", &file]);
            let routes: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
            let mut mounts = routes["routes"].as_array()?.iter().map(|route| &route["mount"]);
            (mounts.any(|mount| mount == node) == is_relayed).then_some(())
        })
        .await
        .unwrap();
    }

    async fn get(&self, target: &str) -> Response {
        let host = self.origin.split("://").nth(1).unwrap();
        Request::get(target).header("Host", host).send(&self.address).await.unwrap()
    }
}

fn write(file: &Path, cluster: &Cluster, origin: &str, [port, admin]: [u16; 2], proxied: &[&str]) {
    let mut text = format!(
        "[cluster]\norigin = \"{origin}\"\n[proxy]\nlisten = \"127.0.0.1:{port}\"\n\
         [proxy.cache]\nwarm = false\n[admin]\nlisten = \"127.0.0.1:{admin}\"\n\
         token_file = \"token\"\nroutes_file = \"routes.json\"\n"
    );
    for node in &cluster.ready.nodes {
        text += &format!(
            "[[node]]\nname = \"{}\"\norigin = \"{}\"\naddress = \"{}\"\nproxied = {}\n",
            node.name,
            node.origin,
            node.address,
            proxied.contains(&node.name.as_str())
        );
    }
    fs::write(file, text).unwrap();
}

/// `bluegate node apply` in the node's folder, then its services read their files again.
async fn apply(cluster: &Cluster, front: &Front, node: &ReadyNode) {
    let root = cluster.data().join("nodes").join(&node.name).display().to_string();
    let file = front.file();
    let arguments = ["node", "apply", &node.name, "--yes", "-c", &file, "--root", &root];
    let applied = bluegate(&arguments);
    assert_eq!(applied.status.code(), Some(0), "{}", seen(&applied));
    let again = bluegate(&arguments);
    assert!(seen(&again).contains("nothing to do"), "{}", seen(&again));
    for unit in [
        "bbb-graphql-server",
        "bbb-graphql-middleware",
        "bbb-apps-akka",
        "etherpad",
        "bbb-web",
        "nginx",
    ] {
        let order = serde_json::json!({ "unit": unit }).to_string();
        let request = Request::new("POST", "/_simnode/restart").body("application/json", order);
        let answer = request.send(&node.address).await.unwrap();
        assert_eq!(answer.status, 204, "{unit}: {}", answer.text());
    }
}

/// Where users of each node shall get their client: at a front, or at the node itself.
type Places<'a> = [Option<&'a Front>];

/// Follows a user to the page of a meeting on every node that has one, and looks at whom the
/// node's API lets in.
async fn every_node_is_whole(cluster: &Cluster, meetings: &[String], places: &Places<'_>) {
    for (index, node) in cluster.ready.nodes.iter().enumerate() {
        let name = &meetings[index];
        if name.is_empty() {
            continue;
        }
        let location = cluster.join_location(name, "Somebody", "VIEWER").await;
        let join = location.strip_prefix(&node.origin).expect("the meeting is where it was");
        let host = node.origin.split("://").nth(1).unwrap();
        let joined = Request::get(join).header("Host", host).send(&node.address).await.unwrap();
        assert_eq!(joined.status, 302, "{}", joined.text());
        let page = joined.header("location").unwrap();
        let place = places[index];
        let wanted = match place {
            Some(front) => format!("{}/{}/html5client/", front.origin, node.name),
            None => format!("{}/html5client", node.origin),
        };
        assert!(page.starts_with(&wanted), "{}: {page}, not {wanted}", node.name);
        let target = page.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap();
        let shown = match place {
            Some(front) => front.get(&target).await,
            None => {
                let target = target.replace("html5client?", "html5client/?");
                Request::get(&target).header("Host", host).send(&node.address).await.unwrap()
            }
        };
        assert_eq!(shown.status, 200, "{}: {page}", node.name);
        assert!(shown.text().contains("id=\"app\""), "{}: {page}", node.name);
        if let Some(front) = place {
            assert_eq!(allowed(node, &front.origin).await.as_deref(), Some(front.origin.as_str()));
        }
        for other in places
            .iter()
            .flatten()
            .filter(|other| place.is_none_or(|front| front.origin != other.origin))
        {
            assert_eq!(allowed(node, &other.origin).await, None, "{}: one origin each", node.name);
        }
    }
}

/// What the node's API answers a page of `origin`.
async fn allowed(node: &ReadyNode, origin: &str) -> Option<String> {
    let host = node.origin.split("://").nth(1).unwrap();
    let request = Request::new("OPTIONS", "/bigbluebutton/api/stuns")
        .header("Host", host)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "GET");
    let answer = request.send(&node.address).await.unwrap();
    answer.header("access-control-allow-origin").map(str::to_owned)
}

/// A meeting on each node, by the nodes' order; those of `before` stay.
async fn meeting_on_each(cluster: &Cluster, round: u32, before: Vec<String>) -> Vec<String> {
    let mut meetings = before;
    let mut number = 0;
    while meetings.iter().any(String::is_empty) {
        number += 1;
        assert!(number < 20, "twenty meetings do not reach every node: {meetings:?}");
        let name = format!("meeting-{round}-{number}");
        let create = [("meetingID", name.as_str()), ("name", &name), ("moderatorPW", "mp")];
        cluster.api("create", &create).await;
        let node = cluster.node_of(&name).await;
        let index = cluster.ready.nodes.iter().position(|one| one.name == node.name).unwrap();
        if meetings[index].is_empty() {
            meetings[index] = name;
        }
    }
    meetings
}

/// Ends the meeting of a node; those of the others go on, which is checked.
async fn empty(cluster: &Cluster, meetings: &mut [String], index: usize) {
    let node = &cluster.ready.nodes[index];
    for meeting in node.meetings().await {
        let name = meeting["meeting_id"].as_str().unwrap();
        cluster.api("end", &[("meetingID", name), ("password", "mp")]).await;
    }
    eventually("the node is empty", WITHIN, || async {
        node.meetings().await.is_empty().then_some(())
    })
    .await
    .unwrap();
    meetings[index] = String::new();
}

#[tokio::test]
async fn a_cluster_is_converted_node_by_node_while_meetings_run() {
    let cluster = Cluster::start(&["--nodes", "3", "--without-proxy"]).await;
    let names: Vec<&str> = cluster.ready.nodes.iter().map(|node| node.name.as_str()).collect();
    let front = Front::start(&cluster, "bbb", &[]).await;
    let mut meetings = meeting_on_each(&cluster, 1, vec![String::new(); 3]).await;
    let mut places: Vec<Option<&Front>> = vec![None; 3];
    every_node_is_whole(&cluster, &meetings, &places).await;

    // In, one by one; the meetings of all others are the ones from the beginning.
    for index in 0..2 {
        let node = &cluster.ready.nodes[index];
        assert_eq!(front.get(&format!("/{}/html5client/", node.name)).await.status, 404);
        front.say(&cluster, &names[..=index]);
        front.reload(&node.name, true).await;
        every_node_is_whole(&cluster, &meetings, &places).await;
        empty(&cluster, &mut meetings, index).await;
        apply(&cluster, &front, node).await;
        places[index] = Some(&front);
        every_node_is_whole(&cluster, &meetings, &places).await;
    }
    // Mixed for as long as it takes: new meetings on all of them.
    meetings = meeting_on_each(&cluster, 2, meetings).await;
    every_node_is_whole(&cluster, &meetings, &places).await;

    // To another origin, while the old one is served on.
    let moved = Front::start(&cluster, "meet", &names[..2]).await;
    every_node_is_whole(&cluster, &meetings, &places).await;
    empty(&cluster, &mut meetings, 1).await;
    apply(&cluster, &moved, &cluster.ready.nodes[1]).await;
    places[1] = Some(&moved);
    meetings = meeting_on_each(&cluster, 3, meetings).await;
    every_node_is_whole(&cluster, &meetings, &places).await;

    // And out again: first the node, then the proxy.
    empty(&cluster, &mut meetings, 0).await;
    front.say(&cluster, &names[1..2]);
    apply(&cluster, &front, &cluster.ready.nodes[0]).await;
    places[0] = None;
    meetings = meeting_on_each(&cluster, 4, meetings).await;
    every_node_is_whole(&cluster, &meetings, &places).await;
    front.reload(names[0], false).await;
    every_node_is_whole(&cluster, &meetings, &places).await;
}
