//! `[scaler.placement]`: what counts when a node is chosen.

use std::time::Duration;

use crate::{reader::Table, settings::Placement, units};

const MINUTE: Duration = Duration::from_secs(60);

impl Default for Placement {
    fn default() -> Self {
        Self {
            user_weight: 1.0,
            audio_weight: 0.5,
            video_weight: 1.0,
            meeting_weight: 2.0,
            reserved_users: 10,
            reservation_lifetime: 15 * MINUTE,
            slow_start: 5 * MINUTE,
        }
    }
}

impl Placement {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let default = Self::default();
        let duration =
            |key, default, example| table.with_unit(key, default, units::duration, example);
        Self {
            user_weight: table.weight("user_weight", default.user_weight),
            audio_weight: table.weight("audio_weight", default.audio_weight),
            video_weight: table.weight("video_weight", default.video_weight),
            meeting_weight: table.weight("meeting_weight", default.meeting_weight),
            reserved_users: u32::try_from(table.count("reserved_users", 10)).unwrap_or(u32::MAX),
            reservation_lifetime: duration(
                "reservation_lifetime",
                default.reservation_lifetime,
                "`15m`",
            ),
            slow_start: duration("slow_start", default.slow_start, "`5m`"),
        }
    }
}
