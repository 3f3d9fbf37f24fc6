//! Real servers, started with what was exported, in front of nodes that
//! remember what they were asked. Every server passes the same table.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as their tests do, and say why"
)]

mod cases;
mod client;
mod fake_node;
mod front;
mod server;

/// One test per case and server, so that a failure names both.
macro_rules! every_server {
    ($($server:ident: $kind:ident),+ $(,)?) => { $(
        mod $server {
            use crate::{cases, front::Front, server::Server};

            every_server!(@case $kind
                client_paths_are_relayed,
                the_form_without_slash_is_redirected,
                only_the_index_of_the_api_is_relayed,
                hostile_paths_reach_no_node,
                a_foreign_host_is_refused,
                methods_and_bodies_are_limited,
                service_workers_are_refused,
                a_node_sees_no_cookies_and_its_own_name,
                an_answer_keeps_only_what_is_its_own,
                redirects_of_a_node_stay_in_its_client,
                connections_to_a_node_are_kept,
                nodes_that_fail_do_so_alone,
                web_sockets_open_where_a_node_has_them,
                http2_is_relayed_alike,
                logs_hold_no_query,
            );
        }
    )+ };
    (@case $kind:ident $($case:ident),+ $(,)?) => { $(
        #[tokio::test]
        async fn $case() {
            let front = Front::start(Server::$kind).await;
            cases::$case(&front).await;
        }
    )+ };
}

every_server! { nginx: Nginx, haproxy: Haproxy, caddy: Caddy, apache: Apache }

/// Of those that have a cache.
macro_rules! every_cache {
    ($($name:ident: $kind:ident),+ $(,)?) => { $(
        #[tokio::test]
        async fn $name() {
            let front = front::Front::start(server::Server::$kind).await;
            cases::assets_are_asked_for_once_per_mount(&front).await;
        }
    )+ };
}

every_cache! { nginx_caches: Nginx, haproxy_caches: Haproxy, apache_caches: Apache }

#[tokio::test]
async fn nginx_fetches_once_for_all() {
    let front = front::Front::start(server::Server::Nginx).await;
    cases::one_request_fetches_for_all(&front).await;
}
