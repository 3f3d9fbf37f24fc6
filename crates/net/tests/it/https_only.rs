//! What has browsers come by https: the redirect and the promise.

use std::{sync::Arc, time::Duration};

use bluegate_net::{Hsts, Policy, Redirect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::{
    front::{Front, Who, tls},
    site::within,
};

const PROMISE: &str = "strict-transport-security: max-age=15552000\r\n";

fn promising() -> Arc<Hsts<Who>> {
    let age = Duration::from_secs(180 * 86_400);
    Arc::new(Hsts::new(Arc::new(Who), "https://bbb.test".parse().unwrap(), Some(age)))
}

fn get(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn https_is_promised_over_tls_on_the_origin_and_nowhere_else() {
    let (server, client) = tls();
    let front = Front::serve(promising(), Policy::default(), Some(server));
    for (host, promised) in [("bbb.test", true), ("BBB.test:443", true), ("other.test", false)] {
        let connector = TlsConnector::from(client.clone());
        let stream = front.connect().await;
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        stream.write_all(get(host).as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(answer.contains(PROMISE), promised, "{host}: {answer}");
    }
    let front = Front::serve(promising(), Policy::default(), None);
    let answer = front.tell(get("bbb.test").as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && !answer.contains("strict-transport"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_redirect_ends_the_connection_it_answers_on() {
    let redirect = Redirect::to("https://bbb.test".parse().unwrap());
    let front = Front::serve(Arc::new(redirect), Policy::default(), None);
    // A second request behind the first, or inside its body, is not answered.
    let first = "POST /a?b=c HTTP/1.1\r\nHost: bbb.test\r\nContent-Length: 5\r\n\r\nhello";
    let answer = front.tell(format!("{first}{}", get("bbb.test")).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 308 Permanent Redirect\r\n"), "{answer}");
    assert!(answer.contains("location: https://bbb.test/a?b=c\r\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(front.tell(get("evil.test").as_bytes()).await.starts_with("HTTP/1.1 421 "));
}
