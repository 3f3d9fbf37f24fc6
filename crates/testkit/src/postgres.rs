//! A PostgreSQL server of a test's own: in a temporary folder, reached by a socket in it, gone with
//! the test.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{eventually::eventually, process::Process};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    // Before the folder: the server ends first.
    server: Process,
    programs: PathBuf,
    folder: TempDir,
    account: Option<(u32, u32)>,
    databases: AtomicUsize,
}

impl Postgres {
    /// Makes a cluster of databases and starts a server for it. PostgreSQL refuses to run as root;
    /// root runs it as the account `postgres` of Debian's package.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed or does not start.
    pub async fn start() -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("bluegate-test-postgres-").tempdir()?;
        let account = account()?;
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let data = folder.path().join("data");
        let mut init = command(&programs.join("initdb"), account);
        init.args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8"]);
        run(init.arg("--locale=C").arg("--pgdata").arg(&data))?;

        let server = serve(&programs, folder.path(), account)?;
        let databases = AtomicUsize::new(0);
        let mut postgres = Self { server, programs, folder, account, databases };
        postgres.ready().await?;
        Ok(postgres)
    }

    /// A new, empty database: its URL.
    ///
    /// # Errors
    ///
    /// When the server does not make one.
    pub fn database(&self) -> Result<String> {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = command(&self.programs.join("createdb"), self.account);
        create.arg("-h").arg(self.folder.path()).args(["-U", "postgres", &name]);
        run(&mut create)?;
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        Ok(format!("postgres://postgres@{socket}/{name}"))
    }

    /// Ends the server, cutting its connections; its data stay.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub async fn stop(&mut self) -> Result<()> {
        self.server.interrupt(START).await.map(drop)
    }

    /// Starts the server again after [`Postgres::stop`].
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        self.server = serve(&self.programs, self.folder.path(), self.account)?;
        self.ready().await
    }

    async fn ready(&mut self) -> Result<()> {
        let (programs, folder, account) = (&self.programs, &self.folder, self.account);
        let server = &mut self.server;
        let waited = eventually("PostgreSQL accepts connections", START, || {
            let mut ask = command(&programs.join("pg_isready"), account);
            ask.arg("-h").arg(folder.path()).stdout(Stdio::null());
            let seen = match (server.exited(), ask.status()) {
                (Ok(None), Ok(status)) => status.success().then_some(Ok(())),
                (Ok(Some(status)), _) => Some(Err(anyhow::anyhow!("it ended: {status}"))),
                (Err(error), _) => Some(Err(error)),
                (_, Err(error)) => Some(Err(error.into())),
            };
            async move { seen }
        });
        waited
            .await
            .and_then(|seen| seen)
            .with_context(|| format!("PostgreSQL does not start:\n{}", self.server.stderr()))
    }
}

/// Starts the server of the data in `folder`.
fn serve(programs: &Path, folder: &Path, account: Option<(u32, u32)>) -> Result<Process> {
    let mut server = command(&programs.join("postgres"), account);
    server.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    for setting in ["listen_addresses=", "fsync=off", "max_connections=60"] {
        server.args(["-c", setting]);
    }
    Process::spawn(server)
}

/// The folder of the newest server installed.
fn programs() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin"))).filter(|(_, bin)| bin.join("initdb").exists())
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).context("no PostgreSQL server below /usr/lib/postgresql")
}

/// The account the server runs as, when it cannot be ours.
fn account() -> Result<Option<(u32, u32)>> {
    if number(&["-u"])? != 0 {
        return Ok(None);
    }
    let user = number(&["-u", "postgres"]).context("there is no account `postgres`")?;
    Ok(Some((user, number(&["-g", "postgres"])?)))
}

fn number(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).stderr(Stdio::null()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn command(program: &Path, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    // Its messages are matched by nobody; its start must not depend on the machine's language.
    command.env("LC_ALL", "C").current_dir("/");
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
