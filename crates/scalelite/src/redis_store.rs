//! The Redis itself: read by bounded scans, written in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, Value as Answer,
    aio::MultiplexedConnection,
};
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    keys::{Entry, Fields, Keys, Value},
    layout::is_part_of_layout,
    place::Place,
};

/// To open a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Keys looked at per step of a scan, and values asked for at once.
const STEP: usize = 500;
/// Keys of one namespace: some ten per meeting would be ten thousand meetings.
const MAX_KEYS: usize = 100_000;

/// A Redis that answers.
pub struct Connection {
    connection: MultiplexedConnection,
    namespace: String,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// Keys that are there now.
    pub written: usize,
    /// Keys that made room for them.
    pub removed: usize,
}

/// Why a Redis was not read or written. Never tells what is in it.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No connection.
    #[error("cannot connect to `{place}`")]
    Connect {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody takes the connection, or it says nothing.
    #[error("`{0}` does not answer")]
    Silent(String),
    /// It does not let us in, or does not do what we ask.
    #[error("the Redis refused: {0}")]
    Refused(String),
    /// More than is sensible.
    #[error("there are more than {MAX_KEYS} keys in the namespace `{0}`")]
    TooMany(String),
    /// Its keys are not ours to overwrite.
    #[error(
        "the namespace `{namespace}` of this Redis is not empty: {keys} keys, among them {examples}; \
         stop Scalelite's poller and say `--replace` to write over its servers, tenants and meetings"
    )]
    Occupied {
        /// Which.
        namespace: String,
        /// How many there are.
        keys: usize,
        /// The first of them.
        examples: String,
    },
}

impl Connection {
    /// Opens a connection, for keys of `namespace`; `tls` is for `rediss://`.
    ///
    /// # Errors
    /// [`RedisError`]; the password is not in it.
    pub async fn open(
        place: &Place,
        namespace: &str,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<Self, RedisError> {
        let opening = async {
            let failed = |source| RedisError::Connect { place: place.to_string(), source };
            let stream = TcpStream::connect((place.host.as_str(), place.port)).await;
            let stream = stream.map_err(failed)?;
            if !place.tls {
                return Self::greet(place, stream).await;
            }
            let name = ServerName::try_from(place.host.clone())
                .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
            // The configuration is made for HTTP; Redis knows no protocol names.
            let mut config = (**tls).clone();
            config.alpn_protocols.clear();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            let stream = connector.connect(name, stream).await.map_err(failed)?;
            Self::greet(place, stream).await
        };
        let opened = timeout(CONNECT_TIMEOUT, opening).await;
        let connection = opened.map_err(|_| RedisError::Silent(place.to_string()))??;
        Ok(Self { connection, namespace: namespace.to_owned() })
    }

    async fn greet<S>(place: &Place, stream: S) -> Result<MultiplexedConnection, RedisError>
    where
        S: Unpin + tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
    {
        let mut info = RedisConnectionInfo::default().set_db(place.database);
        if let Some(user) = &place.user {
            info = info.set_username(user);
        }
        if let Some(password) = &place.password {
            info = info.set_password(password.expose());
        }
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_TIMEOUT));
        let opened = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (connection, driver) = opened.map_err(|error| refused(&error))?;
        // Ends with the last handle of the connection.
        tokio::spawn(driver);
        Ok(connection)
    }

    /// All keys of the namespace, without it.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn read(&mut self) -> Result<Keys, RedisError> {
        let names: Vec<String> = self.scan().await?.into_iter().collect();
        let mut keys = Keys::new();
        for names in names.chunks(STEP) {
            let full: Vec<String> = names.iter().map(|name| self.key(name)).collect();
            let mut types = Pipeline::new();
            for key in &full {
                types.cmd("TYPE").arg(key).cmd("PTTL").arg(key);
            }
            let types: Vec<Answer> = self.ask(&types).await?;
            let kinds: Vec<(Kind, Option<i64>)> = types
                .chunks(2)
                .map(|pair| (Kind::of(pair.first()), pair.get(1).and_then(milliseconds)))
                .collect();
            let mut values = Pipeline::new();
            for (key, (kind, _)) in full.iter().zip(&kinds) {
                kind.ask(key, &mut values);
            }
            let values: Vec<Answer> = self.ask(&values).await?;
            for ((name, (kind, expires_in)), value) in names.iter().zip(kinds).zip(values) {
                // A key may have gone since it was listed.
                if let Some(value) = kind.value(value) {
                    keys.insert(name.clone(), Entry { value, expires_in });
                }
            }
        }
        Ok(keys)
    }

    /// Writes these keys, all at once or none. Refuses while the namespace holds
    /// anything, but for `replace`: then what Scalelite keeps of servers, tenants
    /// and meetings goes first.
    ///
    /// # Errors
    /// [`RedisError`]; nothing has changed then.
    pub async fn write(&mut self, keys: &Keys, replace: bool) -> Result<Wrote, RedisError> {
        let there = self.scan().await?;
        if !replace && !there.is_empty() {
            let examples: Vec<String> =
                there.iter().take(3).map(|name| format!("`{}`", self.key(name))).collect();
            return Err(RedisError::Occupied {
                namespace: self.namespace.clone(),
                keys: there.len(),
                examples: examples.join(", "),
            });
        }
        let servers: BTreeSet<String> = there
            .iter()
            .filter_map(|name| name.strip_prefix("server:").map(str::to_owned))
            .collect();
        let going: Vec<&String> =
            there.iter().filter(|name| is_part_of_layout(name, &servers)).collect();
        let mut all = Pipeline::new();
        all.atomic();
        for name in &going {
            all.cmd("DEL").arg(self.key(name)).ignore();
        }
        for (name, entry) in keys {
            let key = self.key(name);
            for command in commands(&key, entry) {
                all.add_command(command).ignore();
            }
        }
        let _nothing: () = self.ask(&all).await?;
        Ok(Wrote { written: keys.len(), removed: going.len() })
    }

    /// The names of all keys of the namespace. A scan may list one twice.
    async fn scan(&mut self) -> Result<BTreeSet<String>, RedisError> {
        let prefix = self.key("");
        let pattern = format!("{}*", escaped(&prefix));
        let mut names = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            let asked = scan.query_async(&mut self.connection).await;
            let (next, keys): (u64, Vec<Vec<u8>>) = asked.map_err(|error| refused(&error))?;
            for key in keys {
                // Scalelite's own are text; others are none of ours.
                let Ok(key) = String::from_utf8(key) else { continue };
                if let Some(name) = key.strip_prefix(&prefix) {
                    names.insert(name.to_owned());
                }
            }
            if names.len() > MAX_KEYS {
                return Err(RedisError::TooMany(self.namespace.clone()));
            }
            if next == 0 {
                return Ok(names);
            }
            cursor = next;
        }
    }

    async fn ask<T: redis::FromRedisValue>(
        &mut self,
        pipeline: &Pipeline,
    ) -> Result<T, RedisError> {
        pipeline.query_async(&mut self.connection).await.map_err(|error| refused(&error))
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.namespace)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// What kind of value a key holds.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Hash,
    Set,
    Scores,
    Other,
}

impl Kind {
    fn of(answer: Option<&Answer>) -> Self {
        match answer {
            Some(Answer::SimpleString(kind)) => match kind.as_str() {
                "string" => Self::Text,
                "hash" => Self::Hash,
                "set" => Self::Set,
                "zset" => Self::Scores,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }

    fn ask(self, key: &str, pipeline: &mut Pipeline) {
        match self {
            Self::Text => pipeline.cmd("GET").arg(key),
            Self::Hash => pipeline.cmd("HGETALL").arg(key),
            Self::Set => pipeline.cmd("SMEMBERS").arg(key),
            Self::Scores => pipeline.cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES"),
            Self::Other => pipeline.cmd("EXISTS").arg(key),
        };
    }

    fn value(self, answer: Answer) -> Option<Value> {
        let empty = match self {
            Self::Text => Value::Text(redis::from_redis_value(answer).ok()?),
            Self::Hash => {
                let fields: Fields = redis::from_redis_value(answer).ok()?;
                return Some(fields).filter(|fields| !fields.is_empty()).map(Value::Hash);
            }
            Self::Set => {
                let members: BTreeSet<String> = redis::from_redis_value(answer).ok()?;
                return Some(members).filter(|members| !members.is_empty()).map(Value::Set);
            }
            Self::Scores => {
                let scores: BTreeMap<String, f64> = redis::from_redis_value(answer).ok()?;
                return Some(scores).filter(|scores| !scores.is_empty()).map(Value::Scores);
            }
            Self::Other => Value::Other,
        };
        Some(empty)
    }
}

/// A time to live; absent for keys that stay.
fn milliseconds(answer: &Answer) -> Option<i64> {
    match answer {
        Answer::Int(milliseconds) if *milliseconds >= 0 => Some(*milliseconds),
        _ => None,
    }
}

fn commands(key: &str, entry: &Entry) -> Vec<Cmd> {
    let mut write = match &entry.value {
        Value::Text(_) => redis::cmd("SET"),
        Value::Hash(_) => redis::cmd("HSET"),
        Value::Set(_) => redis::cmd("SADD"),
        Value::Scores(_) => redis::cmd("ZADD"),
        Value::Other => return Vec::new(),
    };
    write.arg(key);
    match &entry.value {
        Value::Text(text) => drop(write.arg(text)),
        Value::Hash(fields) => {
            for (name, value) in fields {
                write.arg(name).arg(value);
            }
        }
        Value::Set(members) => {
            for member in members {
                write.arg(member);
            }
        }
        Value::Scores(scores) => {
            for (member, score) in scores {
                write.arg(score).arg(member);
            }
        }
        Value::Other => {}
    }
    let mut commands = vec![write];
    if let Some(milliseconds) = entry.expires_in {
        let mut expire = redis::cmd("PEXPIRE");
        expire.arg(key).arg(milliseconds);
        commands.push(expire);
    }
    commands
}

/// A text that matches itself in a pattern.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if "*?[]\\^".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// What Redis says of a command, which is its code and never our arguments.
fn refused(error: &redis::RedisError) -> RedisError {
    if error.is_timeout() {
        return RedisError::Silent("the Redis".to_owned());
    }
    let said = error.detail().unwrap_or_else(|| error.category());
    RedisError::Refused(said.to_owned())
}
