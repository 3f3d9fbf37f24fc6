//! `bluegate node list` and `show`: what the file says, and what another
//! balancer has.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anstream::{print, println};
use anyhow::{Context as _, bail};
use bluegate_cluster::{BbbVersion, Mount, Origin};
use bluegate_config::{NodeEntry, Scalelite as ScaleliteEntry};
use bluegate_net::tls;
use bluegate_nodeops::{Asker, Server};
use serde::Serialize;

use super::{
    arguments::{ListOptions, ShowOptions, Source},
    balancer::client,
    reach::{asker, named},
    run_time,
};
use crate::{
    Outcome,
    arguments::AdminOptions,
    config_command,
    exit::{Exit, UsageError},
    table::table,
};

/// A node for programs.
#[derive(Serialize)]
struct Shown {
    name: String,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbb: Option<String>,
    proxied: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<PathBuf>,
    /// Where its client is served.
    client: String,
}

impl Shown {
    fn new(entry: &NodeEntry, cluster: &Origin) -> Self {
        let node = &entry.node;
        let client = if node.proxied {
            format!("{cluster}/{}/html5client/", node.name)
        } else {
            format!("{}/html5client/", node.origin)
        };
        Self {
            name: node.name.to_string(),
            origin: node.origin.to_string(),
            address: node.address.as_ref().map(ToString::to_string),
            bbb: node.bbb.as_ref().map(ToString::to_string),
            proxied: node.proxied,
            secret_file: entry.secret_file.clone(),
            client,
        }
    }
}

/// `bluegate node list`
pub(super) fn list(options: &ListOptions) -> Outcome {
    match options.from {
        Some(Source::Scalelite) => return list_from_scalelite(options),
        Some(Source::Admin) => {
            let config = options.config.clone();
            let admin = AdminOptions { config, admin: None, token_file: None };
            return run_time::list(&admin, options.json);
        }
        None => {}
    }
    let config = config_command::load(&options.config)?;
    let nodes: Vec<Shown> =
        config.nodes.iter().map(|entry| Shown::new(entry, &config.cluster.origin)).collect();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&nodes)?);
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = nodes
        .into_iter()
        .map(|node| {
            let proxied = if node.proxied { "yes" } else { "no" };
            [
                node.name,
                node.origin,
                node.address.unwrap_or_default(),
                node.bbb.unwrap_or_default(),
                proxied.to_owned(),
            ]
        })
        .collect();
    print!("{}", table(["name", "origin", "address", "bbb", "proxied"], &rows));
    Ok(Exit::Done)
}

/// `bluegate node show`
pub(super) fn show(options: &ShowOptions) -> Outcome {
    let config = config_command::load(&options.config)?;
    let entry = named(&options.node, &options.config, &config)?;
    let node = Shown::new(entry, &config.cluster.origin);
    if options.json {
        println!("{}", serde_json::to_string_pretty(&node)?);
        return Ok(Exit::Done);
    }
    let (host, port) = entry.node.connect_to();
    println!("name         {}", node.name);
    println!("origin       {}", node.origin);
    println!("connects to  {host} port {port}");
    println!("BBB          {}", node.bbb.as_deref().unwrap_or("detected"));
    println!("client       {}", node.client);
    println!(
        "secret       {}",
        node.secret_file.map_or("none".to_owned(), |file| file.display().to_string())
    );
    Ok(Exit::Done)
}

/// A server of Scalelite's as a node.
#[derive(Serialize)]
struct Found {
    name: String,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bbb: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<PathBuf>,
    scalelite: AtScalelite,
    #[serde(skip)]
    secret: String,
}

/// What Scalelite says of it that a `[[node]]` has no key for.
#[derive(Serialize)]
struct AtScalelite {
    id: String,
    state: String,
    online: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_multiplier: Option<String>,
}

fn list_from_scalelite(options: &ListOptions) -> Outcome {
    let (asker, entry) = place(options)?;
    let servers = client(asker, &entry)?.servers()?;
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    let mut taken = BTreeSet::new();
    for server in servers {
        match node_of(&server, &mut taken) {
            Some(node) => found.push(node),
            None => left_out.push(server.url),
        }
    }
    if let Some(folder) = &options.secrets {
        for node in &mut found {
            node.secret_file = Some(keep_secret(folder, node)?);
        }
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{}", sections(&found));
    }
    for url in &left_out {
        anstream::eprintln!("left out, since it is no URL of a server: `{url}`");
    }
    Ok(if left_out.is_empty() { Exit::Done } else { Exit::Problems })
}

/// Where Scalelite is: on the command line or in the file.
fn place(options: &ListOptions) -> Result<(Asker, ScaleliteEntry), anyhow::Error> {
    if let (Some(origin), Some(secret_file)) = (&options.scalelite, &options.scalelite_secret_file)
    {
        let entry = ScaleliteEntry { origin: origin.clone(), secret_file: secret_file.clone() };
        return Ok((Asker::new(tls::client_config(None)?), entry));
    }
    let config = config_command::load(&options.config)?;
    let scalelite = config.balancer.as_ref().and_then(|balancer| balancer.scalelite.clone());
    let Some(scalelite) = scalelite else {
        bail!(UsageError(format!(
            "`{}` does not say where Scalelite is: give `[balancer]` a `scalelite`, or say `--scalelite` \
             and `--scalelite-secret-file`",
            options.config.display()
        )))
    };
    Ok((asker(&config)?, scalelite))
}

/// A name from the first label of the host: it becomes a path of the cluster's
/// origin.
fn node_of(server: &Server, taken: &mut BTreeSet<Mount>) -> Option<Found> {
    let origin = server.origin()?;
    let name = Mount::for_host(&origin, taken)?;
    taken.insert(name.clone());
    let bbb = server.bbb_version.as_ref().and_then(|text| text.parse::<BbbVersion>().ok());
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(Found {
        name: name.to_string(),
        origin: origin.to_string(),
        bbb: bbb.map(|bbb| bbb.to_string()),
        secret_file: None,
        scalelite: AtScalelite {
            id: server.id.clone(),
            state: server.state.clone(),
            online: server.online.clone(),
            tag: server.tag.clone().filter(|tag| !tag.is_empty()),
            load_multiplier: server.load_multiplier.as_ref().map(text),
        },
        secret: server.secret.clone(),
    })
}

/// Writes a server's secret where nobody else reads it.
fn keep_secret(folder: &Path, node: &Found) -> Result<PathBuf, anyhow::Error> {
    let path = std::path::absolute(folder.join(&node.name))?;
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", node.secret)
    });
    match written {
        // What is there is the operator's.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            anstream::eprintln!("`{}` is there already and was left as it is", path.display());
        }
        written => written.with_context(|| format!("cannot write `{}`", path.display()))?,
    }
    Ok(path)
}

/// `[[node]]` sections, none proxied yet: the servers serve their clients
/// themselves until they are converted.
fn sections(nodes: &[Found]) -> String {
    let mut out = format!(
        "# {} of Scalelite's. `proxied = false`: each serves its client itself until it is converted,\n\
         # see convert.md.\n",
        if nodes.len() == 1 { "1 server".to_owned() } else { format!("{} servers", nodes.len()) }
    );
    for node in nodes {
        let AtScalelite { state, online, tag, load_multiplier, .. } = &node.scalelite;
        let mut about = vec![state.clone(), online.clone()];
        about.extend(tag.iter().map(|tag| format!("tag {}", quoted(tag))));
        about.extend(load_multiplier.iter().map(|factor| format!("load multiplier {factor}")));
        about.retain(|text| !text.is_empty());
        out += &format!("\n# {}\n[[node]]\n", about.join(", ").replace(['\n', '\r'], " "));
        out += &format!("name = \"{}\"\norigin = \"{}\"\n", node.name, node.origin);
        out += &match &node.secret_file {
            Some(file) => format!("secret_file = {}\n", quoted(&file.display().to_string())),
            None => format!("#secret_file = \"/etc/bluegate/secrets/{}\"\n", node.name),
        };
        if let Some(bbb) = &node.bbb {
            out += &format!("bbb = \"{bbb}\"\n");
        }
        out += "proxied = false\n";
    }
    out
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
