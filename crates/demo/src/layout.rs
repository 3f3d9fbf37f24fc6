//! Who listens where: the demo's names and ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use bluegate_cluster::{Mount, Origin, Scheme};

/// The most nodes one demo runs: names stay two digits, ports stay close.
pub const MAX_NODES: usize = 50;

/// The ports behind the first one, so that a reader of the output can guess them.
const FRONTEND_OFFSET: u16 = 1;
const SCALER_OFFSET: u16 = 2;
const ADMIN_OFFSET: u16 = 3;
const NODES_OFFSET: u16 = 11;

/// Sockets of the whole demo, bound before anything starts, so that a port
/// that is taken is found before anything has to be undone.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) proxy: Seat,
    pub(crate) frontend: Seat,
    pub(crate) scaler: Seat,
    /// Of whoever runs the demo's admin API.
    pub(crate) admin: TcpListener,
    pub(crate) nodes: Vec<(Mount, Seat)>,
}

/// One listening socket and the origin it is reached at.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) origin: Origin,
    pub(crate) address: SocketAddr,
    pub(crate) listener: TcpListener,
}

/// A port of the demo could not be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "port {port} for the {what} cannot be used; choose others with `--port-base`, or 0 for free ports"
)]
pub struct PortTaken {
    /// The port.
    pub port: u16,
    /// Who wanted it.
    pub what: String,
    /// Why not.
    pub source: std::io::Error,
}

impl Layout {
    /// Binds every socket on loopback. `port_base` 0 takes free ports.
    pub(crate) fn bind(scheme: Scheme, nodes: usize, port_base: u16) -> Result<Self, PortTaken> {
        let bind = |what: &str, offset: u16| {
            let port = if port_base == 0 { 0 } else { port_base.saturating_add(offset) };
            let taken = |source| PortTaken { port, what: what.to_owned(), source };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(taken)?;
            listener.set_nonblocking(true).map_err(taken)?;
            let address = listener.local_addr().map_err(taken)?;
            Ok((address, listener))
        };
        let seat = |what: &str, host: &str, offset: u16| {
            let (address, listener) = bind(what, offset)?;
            let origin = Origin::new(scheme, host, Some(address.port()))
                .expect("the demo's names are host names");
            Ok(Seat { origin, address, listener })
        };
        // In the order of their ports, so that the first one taken is named.
        let proxy = seat("proxy", "bbb.cluster.localhost", 0)?;
        let frontend = seat("frontend", "cluster.localhost", FRONTEND_OFFSET)?;
        let scaler = seat("scaler", "api.cluster.localhost", SCALER_OFFSET)?;
        let (_, admin) = bind("admin API", ADMIN_OFFSET)?;
        let nodes = (1..=nodes)
            .map(|number| {
                let name = format!("bbb-{number:02}");
                let host = format!("{name}.cluster.localhost");
                let offset = NODES_OFFSET - 1 + u16::try_from(number).unwrap_or(u16::MAX / 2);
                let mount = name.parse().expect("`bbb-` and digits is a mount");
                Ok((mount, seat(&format!("node {name}"), &host, offset)?))
            })
            .collect::<Result<_, PortTaken>>()?;
        Ok(Self { proxy, frontend, scaler, admin, nodes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_give_every_part_an_origin_of_its_own() {
        let layout = Layout::bind(Scheme::Http, 3, 0).unwrap();
        let mut origins =
            vec![&layout.proxy.origin, &layout.frontend.origin, &layout.scaler.origin];
        origins.extend(layout.nodes.iter().map(|(_, seat)| &seat.origin));
        assert!(
            layout.nodes[2].1.origin.to_string().starts_with("http://bbb-03.cluster.localhost:")
        );
        let distinct: std::collections::BTreeSet<_> = origins.iter().collect();
        assert_eq!(distinct.len(), 6);
    }

    #[test]
    fn a_taken_port_is_named_with_the_flag_that_helps() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        let error = Layout::bind(Scheme::Http, 0, port).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "port {port} for the proxy cannot be used; choose others with `--port-base`, or 0 for free ports"
            )
        );
    }
}
