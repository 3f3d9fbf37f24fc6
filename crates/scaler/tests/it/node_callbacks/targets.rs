//! Where they may go: no address inside, no redirect.

use std::{
    collections::BTreeMap,
    future::ready,
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use bluegate_bbb_api::encode_value;
use bluegate_cluster::AllowedHosts;
use bluegate_scaler::CallbackState;

use super::{Calling, HOUR};
use crate::{cluster::eventually, receiver::Receiver, simulated::Kind};

/// Names as the tests say; each look-up takes the next answer, the last stays.
#[derive(Default)]
struct Names(Mutex<BTreeMap<&'static str, Vec<IpAddr>>>);

impl bluegate_outbox::Resolve for Names {
    fn resolve(&self, host: &str) -> bluegate_outbox::Lookup {
        let mut names = self.0.lock().unwrap();
        let found = names
            .get_mut(host)
            .map(|answers| if answers.len() > 1 { answers.remove(0) } else { answers[0] });
        Box::pin(ready(match found {
            Some(address) => Ok(vec![address]),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }))
    }
}

#[tokio::test]
async fn targets_inside_are_dead_letters_whatever_they_are_called() {
    let mut calling = Calling::prepare(&[Kind::STOCK]).await;
    let names = Arc::new(Names::default());
    let callbacks = calling.simulated.cluster.callbacks.as_mut().unwrap();
    callbacks.resolver = Arc::<Names>::clone(&names);
    // Nobody listens there; it only shows that a name was let through once.
    callbacks.targets = AllowedHosts::new(vec!["127.0.0.2".parse().unwrap()]);
    calling.simulated.cluster.boot().await;
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let say = |name, answers: &[&str]| {
        let answers = answers.iter().map(|text| address(text)).collect();
        names.0.lock().unwrap().insert(name, answers);
    };
    say("loopback.example.org", &["127.0.0.1"]);
    say("private.example.org", &["10.0.0.1"]);
    say("rebinding.example.org", &["127.0.0.2", "127.0.0.1"]);
    say("localhost", &["127.0.0.1"]);
    let port = calling.receiver.address.port();
    let frontend = calling.simulated.cluster.frontend("physics");
    let targets = [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://10.0.0.1/".to_owned(),
        "http://192.168.1.1/".to_owned(),
        "http://172.16.0.1/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fe80::1]/".to_owned(),
        "http://[fd00::1]/".to_owned(),
        format!("http://loopback.example.org:{port}/"),
        "http://private.example.org/".to_owned(),
        format!("http://rebinding.example.org:{port}/"),
    ];
    for (index, target) in targets.iter().enumerate() {
        let url = encode_value(target);
        let query = format!("name=Class&meetingID=class-{index}&meta_endCallbackUrl={url}");
        assert_eq!(frontend.get("create", &query).await.answer().key(), "", "{target}");
        frontend.get("end", &format!("meetingID=class-{index}")).await.answer();
    }
    let but_one = targets.len() - 1;
    eventually("refused", async || calling.count(CallbackState::Dead).await == but_one).await;
    eventually("tried", async || calling.least_attempts().await == Some(1)).await;
    let queued = calling.simulated.cluster.scaler().callbacks(CallbackState::Queued, None, 9).await;
    let queued: Vec<String> = queued.unwrap().into_iter().map(|callback| callback.target).collect();
    assert_eq!(queued, [format!("http://rebinding.example.org:{port}")]);
    calling.pass(HOUR);
    eventually("refused", async || calling.count(CallbackState::Dead).await > but_one).await;
    let dead =
        calling.simulated.cluster.scaler().callbacks(CallbackState::Dead, None, 99).await.unwrap();
    for callback in dead {
        let error = callback.error.unwrap();
        assert!(error.contains("not among `callback_targets`"), "{}: {error}", callback.target);
    }
    assert_eq!(calling.receiver.got().len(), 0);
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let calling = Calling::start(&[Kind::STOCK]).await;
    let inside = Receiver::start().await;
    calling.receiver.redirect(&inside.url("/inside"));
    let frontend = calling.simulated.cluster.frontend("physics");
    let meeting = calling.create(&frontend).await;
    frontend.get("end", "meetingID=class").await.answer();
    calling.publish(&meeting);
    calling.got(4).await;
    let failed = async || {
        let scaler = calling.simulated.cluster.scaler();
        let queued = scaler.callbacks(CallbackState::Queued, None, 9).await.unwrap();
        let said = "the target answered with status 302";
        queued.iter().filter(|callback| callback.error.as_deref() == Some(said)).count() == 4
    };
    eventually("not settled", failed).await;
    assert_eq!(inside.got().len(), 0);
}
