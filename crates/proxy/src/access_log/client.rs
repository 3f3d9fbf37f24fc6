//! What a line says of the client's address.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::hmac;

use super::AccessLogClient;

/// How long a client's hash stays the same.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of a hash that are written.
const HASH_BYTES: usize = 8;

/// Writes addresses as it was told to.
#[derive(Debug)]
pub(super) struct Clients {
    form: AccessLogClient,
    /// The day and its key, which is nowhere but here.
    key: Option<(u64, hmac::Key)>,
}

impl Clients {
    pub(super) fn new(form: AccessLogClient) -> Self {
        Self { form, key: None }
    }

    /// The client of a request at `time`.
    pub(super) fn text(&mut self, client: IpAddr, time: SystemTime) -> String {
        let client = client.to_canonical();
        match self.form {
            AccessLogClient::Truncated => network(client),
            AccessLogClient::Full => client.to_string(),
            AccessLogClient::Hashed => self.hash(client, time),
        }
    }

    fn hash(&mut self, client: IpAddr, time: SystemTime) -> String {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let today = since.as_secs() / DAY.as_secs();
        // A record of the old day that comes late is hashed by the new one's key.
        if self.key.as_ref().is_none_or(|(day, _)| *day < today) {
            self.key =
                Some((today, hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>())));
        }
        let Some((_, key)) = &self.key else { return String::new() };
        let tag = match client {
            IpAddr::V4(ip) => hmac::sign(key, &ip.octets()),
            IpAddr::V6(ip) => hmac::sign(key, &ip.octets()),
        };
        tag.as_ref().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The network a client is in.
fn network(client: IpAddr) -> String {
    match client {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(clients: &mut Clients, client: &str, day: u64) -> String {
        clients.text(client.parse().unwrap(), UNIX_EPOCH + DAY * u32::try_from(day).unwrap())
    }

    #[test]
    fn a_client_is_only_a_network_unless_asked_for() {
        for (client, truncated, full) in [
            ("203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
            ("::ffff:203.0.113.77", "203.0.113.0/24", "203.0.113.77"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", "2001:db8:1:2:3:4:5:6"),
            ("::1", "::/48", "::1"),
        ] {
            let of = |form| text(&mut Clients::new(form), client, 1);
            assert_eq!(of(AccessLogClient::Truncated), truncated, "{client}");
            assert_eq!(of(AccessLogClient::Full), full, "{client}");
        }
    }

    #[test]
    fn a_hash_is_the_clients_for_a_day_and_a_process() {
        let mut clients = Clients::new(AccessLogClient::Hashed);
        let first = text(&mut clients, "203.0.113.77", 10);
        assert_eq!(first.len(), 16);
        assert_eq!(text(&mut clients, "::ffff:203.0.113.77", 10), first);
        assert_ne!(text(&mut clients, "203.0.113.78", 10), first);
        let next = text(&mut clients, "203.0.113.77", 11);
        assert_ne!(next, first);
        // A record that comes late does not bring a key of its own.
        assert_eq!(text(&mut clients, "203.0.113.77", 10), next);
        let mut other = Clients::new(AccessLogClient::Hashed);
        assert_ne!(text(&mut other, "203.0.113.77", 11), next);
    }
}
