//! A Redis server of a test's own: on ports that were free, with its folder gone with the test; and
//! commands to it through `redis-cli`, which shares nothing with what is tested.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{certificates::Issued, eventually::eventually, process::Process};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(30);
/// How often other ports are tried when somebody took those that were free.
const ATTEMPTS: u32 = 5;

/// All keys of a database with what they hold, as one text each that does not depend on the order of
/// sets and hashes.
const DUMP: &str = r"
local out = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, text = redis.call('TYPE', key).ok, nil
  if kind == 'string' then text = redis.call('GET', key)
  elseif kind == 'zset' then text = table.concat(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), '|')
  elseif kind == 'set' then
    local members = redis.call('SMEMBERS', key)
    table.sort(members)
    text = table.concat(members, '|')
  else
    local flat, pairs_of = redis.call('HGETALL', key), {}
    for i = 1, #flat, 2 do pairs_of[#pairs_of + 1] = flat[i] .. '=' .. flat[i + 1] end
    table.sort(pairs_of)
    text = table.concat(pairs_of, '|')
  end
  local stays = redis.call('PTTL', key) < 0 and 'stays' or 'expires'
  out[#out + 1] = key .. '\t' .. kind .. ' ' .. stays .. ' ' .. text
end
return out
";

/// A running server.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    tls_port: Option<u16>,
    password: Option<String>,
    // Before the folder: the server ends first.
    _server: Process,
    _folder: TempDir,
}

/// How a server lets clients in.
#[derive(Debug, Default)]
pub struct RedisOptions {
    /// What clients have to say.
    pub password: Option<String>,
    /// Its certificate, to listen for TLS too.
    pub certificate: Option<Issued>,
}

impl Redis {
    /// Starts a server that lets everybody in.
    ///
    /// # Errors
    ///
    /// When Redis is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(&RedisOptions::default()).await
    }

    /// Starts a server.
    ///
    /// # Errors
    ///
    /// When Redis is not installed or does not start.
    pub async fn start_with(options: &RedisOptions) -> Result<Self> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::attempt(options).await {
                Ok(redis) => return Ok(redis),
                // Another test may have taken a port meanwhile.
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no attempt was made")?)
    }

    async fn attempt(options: &RedisOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("bluegate-test-redis-").tempdir()?;
        let port = free_port()?;
        let mut server = Command::new("redis-server");
        server.current_dir(folder.path());
        server.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", ""]);
        server.args(["--appendonly", "no", "--daemonize", "no", "--dir"]).arg(folder.path());
        if let Some(password) = &options.password {
            server.args(["--requirepass", password]);
        }
        let mut tls_port = None;
        if let Some(issued) = &options.certificate {
            let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
            std::fs::write(&chain, &issued.certificate)?;
            std::fs::write(&key, &issued.key)?;
            let free = free_port()?;
            server.args(["--tls-port", &free.to_string(), "--tls-auth-clients", "no"]);
            server.arg("--tls-cert-file").arg(&chain).arg("--tls-key-file").arg(&key);
            server.arg("--tls-ca-cert-file").arg(&chain);
            tls_port = Some(free);
        }
        let server = Process::spawn(server).context("is `redis-server` installed?")?;
        let password = options.password.clone();
        let mut redis = Self { port, tls_port, password, _server: server, _folder: folder };
        redis.ready().await?;
        Ok(redis)
    }

    /// The port that takes connections without TLS, on `127.0.0.1`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port that takes TLS connections.
    #[must_use]
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// The URL of a database of it.
    #[must_use]
    pub fn url(&self, database: u8) -> String {
        let password = self.password.as_ref().map_or(String::new(), |text| format!(":{text}@"));
        format!("redis://{password}127.0.0.1:{}/{database}", self.port)
    }

    /// Carries out commands, each a list of words, in a database.
    ///
    /// # Errors
    ///
    /// When one of them is refused.
    pub fn run(&self, database: u8, commands: &[&[&str]]) -> Result<String> {
        let mut script = String::new();
        for command in commands {
            let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
            script += &words.join(" ");
            script.push('\n');
        }
        let mut child =
            self.client(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().context("a pipe")?.write_all(script.as_bytes())?;
        let output = child.wait_with_output()?;
        let answers = String::from_utf8(output.stdout)?;
        let refused = |line: &str| line.starts_with("ERR") || line.starts_with("WRONGTYPE");
        if let Some(error) = answers.lines().find(|line| refused(line)) {
            bail!("{error}");
        }
        ensure!(output.status.success(), "redis-cli failed: {answers}");
        Ok(answers)
    }

    /// All keys of a database with what they hold, sets and hashes in order, and whether they go by
    /// themselves. Values have no line ends.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub fn dump(&self, database: u8) -> Result<BTreeMap<String, String>> {
        let output = self.client(database).args(["EVAL", DUMP, "0"]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let lines = text.lines().filter(|line| !line.is_empty());
        let entry = |line: &str| {
            let (key, value) = line.split_once('\t').with_context(|| line.to_owned())?;
            Ok((key.to_owned(), value.to_owned()))
        };
        lines.map(entry).collect()
    }

    fn client(&self, database: u8) -> Command {
        client(self.port, database, self.password.as_deref())
    }

    async fn ready(&mut self) -> Result<()> {
        let (port, password) = (self.port, self.password.clone());
        let server = &mut self._server;
        let waited = eventually("Redis answers", START, || {
            let answer = client(port, 0, password.as_deref()).arg("PING").output();
            let seen = match (server.exited(), answer) {
                (Ok(None), Ok(output)) => output.stdout.starts_with(b"PONG").then_some(Ok(())),
                (Ok(Some(status)), _) => Some(Err(anyhow::anyhow!("it ended: {status}"))),
                (Err(error), _) => Some(Err(error)),
                (_, Err(error)) => Some(Err(error.into())),
            };
            async move { seen }
        });
        waited.await.and_then(|seen| seen).context("Redis does not start")
    }
}

fn client(port: u16, database: u8, password: Option<&str>) -> Command {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &port.to_string(), "-n", &database.to_string(), "--raw"]);
    if let Some(password) = password {
        command.env("REDISCLI_AUTH", password);
    }
    command
}

/// A word as `redis-cli` reads it from its input.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
