//! Somebody in the way: passes connections on, but answers chosen requests
//! itself.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// The longest head of a request.
const MAX_HEAD: usize = 16 * 1024;

/// An answer in place of the real one.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// How the request's line begins: `GET /x`, or only `/x` for any method.
    begins: String,
    /// What its head must hold.
    holds: String,
    /// Whether it strikes at all.
    on: Switch,
    act: Act,
}

/// What becomes of a request that a rule is for.
#[derive(Clone, Debug)]
enum Act {
    /// This is the answer: status line, headers and body.
    Answer(String),
    /// The real answer, with one text in another's place.
    Alter { part: Part, from: String, to: String },
}

/// Of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Body,
}

/// Off until it is turned on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch(Arc<AtomicBool>);

impl Switch {
    pub(crate) fn turn_on(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Answers requests whose path (or method and path) begins so with this status
/// and these headers, one per line.
pub(crate) fn instead(begins: &str, status: &str, headers: &str, body: &str) -> Rule {
    let headers: String = headers
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\r\n"))
        .collect();
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    rule(begins, Act::Answer(answer))
}

/// Alters the bodies of the real answers to such requests.
pub(crate) fn altering(begins: &str, from: &str, to: &str) -> Rule {
    rule(begins, Act::Alter { part: Part::Body, from: from.to_owned(), to: to.to_owned() })
}

/// Alters their heads.
pub(crate) fn altering_head(begins: &str, from: &str, to: &str) -> Rule {
    rule(begins, Act::Alter { part: Part::Head, from: from.to_owned(), to: to.to_owned() })
}

fn rule(begins: &str, act: Act) -> Rule {
    let on = Switch::default();
    on.turn_on();
    Rule { begins: begins.to_owned(), holds: String::new(), on, act }
}

impl Rule {
    /// Only of requests whose head holds this too.
    pub(crate) fn holding(self, text: &str) -> Self {
        Self { holds: text.to_owned(), ..self }
    }

    /// Only once this is turned on.
    pub(crate) fn when(self, on: &Switch) -> Self {
        Self { on: on.clone(), ..self }
    }

    fn strikes(&self, head: &str) -> bool {
        if !self.on.0.load(Ordering::SeqCst) {
            return false;
        }
        let line = head.lines().next().unwrap_or_default();
        let target = line.split_once(' ').map_or("", |(_, rest)| rest);
        (line.starts_with(&self.begins) || target.starts_with(&self.begins))
            && head.contains(&self.holds)
    }
}

/// Stands between `listener` and `behind`.
pub(crate) fn meddle(listener: std::net::TcpListener, behind: SocketAddr, rules: Vec<Rule>) {
    let rules: Arc<[Rule]> = rules.into();
    tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let rules = Arc::clone(&rules);
            // Whoever goes away early is the test's own doctor.
            tokio::spawn(async move { drop(one(stream, behind, &rules).await) });
        }
    });
}

/// One request, and then whatever both sides say.
async fn one(mut stream: TcpStream, behind: SocketAddr, rules: &[Rule]) -> std::io::Result<()> {
    let head = read_head(&mut stream).await?;
    if let Some(rule) = rules.iter().find(|rule| rule.strikes(&head)) {
        let answer = match &rule.act {
            Act::Answer(answer) => answer.clone(),
            Act::Alter { part, from, to } => altered(behind, &head, *part, from, to).await?,
        };
        stream.write_all(answer.as_bytes()).await?;
        return stream.shutdown().await;
    }
    let mut upstream = TcpStream::connect(behind).await?;
    if head.to_ascii_lowercase().contains("\r\nupgrade:") {
        upstream.write_all(head.as_bytes()).await?;
        let answer = read_head(&mut upstream).await?;
        if !answer.starts_with("HTTP/1.1 101") {
            let length = answer.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            let mut body = vec![0; length.unwrap_or(0)];
            upstream.read_exact(&mut body).await?;
            stream.write_all(closing(&answer).as_bytes()).await?;
            stream.write_all(&body).await?;
            return stream.shutdown().await;
        }
        stream.write_all(answer.as_bytes()).await?;
    } else {
        upstream.write_all(closing(&head).as_bytes()).await?;
    }
    copy_bidirectional(&mut stream, &mut upstream).await?;
    Ok(())
}

/// The answer of whoever is behind, packed by nobody, with one text in another's place.
async fn altered(
    behind: SocketAddr,
    head: &str,
    part: Part,
    from: &str,
    to: &str,
) -> std::io::Result<String> {
    let mut upstream = TcpStream::connect(behind).await?;
    let head = without(&closing(head), "accept-encoding:");
    upstream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    upstream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = without(head, "content-length:");
    let (head, body) = match part {
        Part::Head => (head.replace(from, to), body.to_owned()),
        Part::Body => (head, body.replace(from, to)),
    };
    Ok(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// A head without the header of this name.
fn without(head: &str, name: &str) -> String {
    let kept = head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with(name));
    kept.collect::<Vec<_>>().join("\r\n")
}

/// One request per connection, so that each is seen here.
fn closing(head: &str) -> String {
    head.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
