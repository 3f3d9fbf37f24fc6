//! The demo as a configuration file, so that `doctor`, `node`, `meeting` and others can be tried on it.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use bluegate_cluster::Secret;

use crate::ready::Ready;

/// Its name in the demo's folder.
const NAME: &str = "bluegate.toml";

/// Writes the file with its secrets beside it, and gives its path; `proxied` is said of every node.
///
/// It has no `[proxy]` and no `[scaler]`: those run in the demo.
pub(crate) fn write(
    folder: &Path,
    ready: &Ready,
    admin_token: &Secret,
    proxied: bool,
) -> io::Result<PathBuf> {
    let mut text = format!("[cluster]\norigin = \"{}\"\n", ready.proxy_origin);
    if let Some(ca) = &ready.ca {
        let ca = fs::canonicalize(ca)?;
        writeln!(text, "node_ca = {:?}", ca.display().to_string()).expect(NEVER);
    }
    let secrets = folder.join("secrets");
    fs::create_dir_all(&secrets)?;
    let listen = ready.admin.trim_start_matches("http://");
    write!(text, "\n[admin]\nlisten = \"{listen}\"\ntoken_file = \"secrets/admin\"\n")
        .expect(NEVER);
    write_secret(&secrets.join("admin"), admin_token.expose())?;
    for node in &ready.nodes {
        write_secret(&secrets.join(&node.name), &node.secret)?;
        write!(
            text,
            "\n[[node]]\nname = \"{0}\"\norigin = \"{1}\"\naddress = \"{2}\"\nsecret_file = \"secrets/{0}\"\nbbb = \"{3}\"\nproxied = {proxied}\n",
            node.name, node.origin, node.address, node.bbb
        )
        .expect(NEVER);
    }
    let path = folder.join(NAME);
    fs::write(&path, text)?;
    Ok(path)
}

/// Why writing to a string goes well.
const NEVER: &str = "writing to a String cannot fail";

/// Only its owner may read it.
fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())
}
