//! Which file of a node holds what, by release: where a finding sends people.

use crate::{
    check::Case,
    finding::{Fix, Setting},
};

/// A file on a node, by what it configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// bbb-web's properties.
    Web,
    /// The client settings.
    Client,
    /// bbb-web's answers to pages of other origins.
    WebCors,
    /// The same of the GraphQL engine.
    Hasura,
    /// The same of the GraphQL socket.
    Middleware,
    /// Where nginx serves the client.
    Locations,
    /// Whom nginx lets read slides.
    Slides,
    /// Whom Etherpad lets read exports.
    Etherpad,
    /// How Meteor is started.
    Meteor,
}

impl Place {
    /// The file that is the operator's on a node of this release.
    pub(crate) fn file(self, case: &Case<'_>) -> &'static str {
        let release = case.release;
        match self {
            Self::Web => "/etc/bigbluebutton/bbb-web.properties",
            Self::Client => "/etc/bigbluebutton/bbb-html5.yml",
            Self::WebCors if release.is_before(2, 6, 0) => Self::Slides.file(case),
            Self::WebCors => "/etc/systemd/system/bbb-web.service.d/cluster.conf",
            Self::Hasura => "/etc/bigbluebutton/bbb-graphql-server.env",
            Self::Middleware => "/etc/bigbluebutton/bbb-graphql-middleware.yml",
            Self::Locations => "/etc/bigbluebutton/nginx/bbb-cluster.nginx",
            Self::Slides if release.is_static() => "/etc/bigbluebutton/nginx/bbb-cluster.nginx",
            // Whatever stands elsewhere, these have the last word before 2.6.
            Self::Slides if release.is_before(2, 5, 0) => {
                "/etc/bigbluebutton/nginx/loadbalancer.nginx"
            }
            Self::Slides if release.is_before(2, 6, 0) => {
                "/usr/share/bigbluebutton/nginx/loadbalancer.nginx"
            }
            Self::Slides => "/etc/bigbluebutton/nginx/zz-bbb-cluster.nginx",
            Self::Etherpad => "/etc/bigbluebutton/etherpad.json",
            Self::Meteor => "/etc/systemd/system/bbb-html5-frontend@.service.d/cluster.conf",
        }
    }

    /// A change of this file, and the command that makes it.
    pub(crate) fn fix(self, case: &Case<'_>, settings: Vec<Setting>) -> Fix {
        Fix {
            file: self.file(case).to_owned(),
            settings,
            command: Some(format!("bluegate node apply {}", case.node.name)),
        }
    }
}
