//! Microphones and cameras, as the media sockets report them.

use std::collections::BTreeSet;

use super::{Meetings, UserKey};

/// How many cameras one socket may report.
const CAMERAS_PER_SOCKET: usize = 16;

/// What one media socket carries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Media {
    /// A microphone is on.
    pub(crate) microphone: bool,
    /// The cameras shared.
    pub(crate) cameras: BTreeSet<String>,
}

/// A change that a media socket reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaReport {
    /// The microphone went on or off.
    Microphone(bool),
    /// A camera went on.
    CameraOn(String),
    /// A camera went off.
    CameraOff(String),
    /// The socket closed.
    Closed,
}

impl Meetings {
    /// Takes note of a report of the media socket with this number.
    pub(crate) fn report_media(&mut self, key: &UserKey, socket: u64, report: MediaReport) {
        let Some(user) = self.user_mut(key) else { return };
        match report {
            MediaReport::Microphone(on) => user.media.entry(socket).or_default().microphone = on,
            MediaReport::CameraOn(id) => {
                let cameras = &mut user.media.entry(socket).or_default().cameras;
                if cameras.len() < CAMERAS_PER_SOCKET {
                    cameras.insert(id);
                }
            }
            MediaReport::CameraOff(id) => {
                user.media.entry(socket).or_default().cameras.remove(&id);
            }
            MediaReport::Closed => {
                user.media.remove(&socket);
            }
        }
    }
}
