//! The row of a generation.

use bluegate_cluster::{Mount, TenantMeetingId, TenantName};
use sqlx::{Row, postgres::PgRow, sqlite::SqliteRow};

use crate::error::StoreError;

/// Where a generation is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A node is chosen; no create has been answered.
    Placing,
    /// A create was sent and not answered: pinned to its node until that has
    /// been asked.
    Uncertain,
    /// The node has it.
    Live,
    /// The node no longer has it.
    Ended,
    /// Its node was lost and the meeting was placed anew.
    Superseded,
}

impl State {
    /// Whether this generation stands for its meeting: at most one per
    /// (tenant, meetingID) does.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Placing | Self::Uncertain | Self::Live)
    }

    /// Its name in the store and in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placing => "placing",
            Self::Uncertain => "uncertain",
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Superseded => "superseded",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Placing, Self::Uncertain, Self::Live, Self::Ended, Self::Superseded]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One life of a meeting ID on one node. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Ours, random.
    pub id: String,
    /// Whose meeting it is.
    pub tenant: TenantName,
    /// The tenant's own ID for it.
    pub meeting_id: String,
    /// The node it is placed on.
    pub node: Mount,
    /// The ID nodes know it by.
    pub node_meeting_id: String,
    /// Where it is in its life.
    pub state: State,
    /// The node's ID of this life; known once live.
    pub internal_meeting_id: Option<String>,
    /// When the node created it, by the node's clock; known once live.
    pub create_time: Option<i64>,
    /// The dial-in number it was created with.
    pub voice_bridge: Option<String>,
    /// Create calls for it that are under way.
    pub in_flight: i64,
    /// When the last create call for it began.
    pub attempted_at: i64,
    /// Whether some caller got the plain answer of a first create.
    pub first_answered: bool,
    /// Users counted for it before they arrive.
    pub reserved: i64,
    /// Its `<meeting>` element as far as create told, for lists.
    pub description: Option<String>,
    /// When the row was made.
    pub created_at: i64,
    /// When it became live.
    pub live_at: Option<i64>,
    /// When the node accepted a request to end it; hidden from lists since.
    pub end_requested_at: Option<i64>,
    /// When it ended or was superseded.
    pub ended_at: Option<i64>,
}

impl Generation {
    /// The meeting as its tenant names it.
    #[must_use]
    pub fn meeting(&self) -> TenantMeetingId {
        TenantMeetingId::new(&self.tenant, &self.meeting_id)
    }
}

/// What changed among the generations, and up to which change that is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows as they now are; closed ones are among them.
    pub generations: Vec<Generation>,
    /// The last change, to ask for those after it.
    pub revision: i64,
}

/// The columns, in the order of [`Generation`]'s fields.
macro_rules! columns {
    () => {
        "id, tenant, meeting_id, node, node_meeting_id, state, internal_meeting_id, create_time, \
         voice_bridge, in_flight, attempted_at, first_answered, reserved, description, created_at, \
         live_at, end_requested_at, ended_at"
    };
}

/// All open generations.
pub(crate) const SELECT_OPEN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM generations WHERE state IN ('placing', 'uncertain', 'live') ORDER BY created_at, id"
);
/// What changed after a revision. Writers take turns, so that a change is visible
/// only with all those before it.
pub(crate) const SELECT_CHANGED: &str = concat!(
    "SELECT ",
    columns!(),
    ", revision FROM generations WHERE revision > $1 ORDER BY revision"
);
/// The last change.
pub(crate) const SELECT_REVISION: &str = "SELECT COALESCE(MAX(revision), 0) FROM generations";
/// The open generation of a tenant's meeting.
pub(crate) const SELECT_OPEN_OF_MEETING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM generations WHERE tenant = $1 AND meeting_id = $2 \
     AND state IN ('placing', 'uncertain', 'live')"
);
/// The open generation that a tenant calls by its own ID or by the internal one;
/// its own ID wins.
pub(crate) const SELECT_OPEN_BY_EITHER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM generations WHERE tenant = $1 AND (meeting_id = $2 OR internal_meeting_id = $2) \
     AND state IN ('placing', 'uncertain', 'live') \
     ORDER BY CASE WHEN meeting_id = $2 THEN 0 ELSE 1 END LIMIT 1"
);
/// A generation in any state.
pub(crate) const SELECT_BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM generations WHERE id = $1");
/// The youngest generation with an internal meeting ID.
pub(crate) const SELECT_BY_INTERNAL: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM generations WHERE internal_meeting_id = $1 ORDER BY created_at DESC, id LIMIT 1"
);
/// The latest generations of a tenant's meeting in any state.
pub(crate) const SELECT_OF_MEETING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM generations WHERE tenant = $1 AND meeting_id = $2 ORDER BY created_at DESC, id LIMIT $3"
);
/// A row, new or known by its id, as the next change.
pub(crate) const UPSERT: &str = concat!(
    "INSERT INTO generations (",
    columns!(),
    ", revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
     $17, $18, (SELECT COALESCE(MAX(revision), 0) + 1 FROM generations)) \
     ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, meeting_id = excluded.meeting_id, \
     node = excluded.node, node_meeting_id = excluded.node_meeting_id, state = excluded.state, \
     internal_meeting_id = excluded.internal_meeting_id, create_time = excluded.create_time, \
     voice_bridge = excluded.voice_bridge, in_flight = excluded.in_flight, \
     attempted_at = excluded.attempted_at, first_answered = excluded.first_answered, \
     reserved = excluded.reserved, description = excluded.description, \
     created_at = excluded.created_at, live_at = excluded.live_at, \
     end_requested_at = excluded.end_requested_at, ended_at = excluded.ended_at, \
     revision = excluded.revision RETURNING revision"
);

/// A row that holds a generation.
pub(crate) trait Readable {
    fn generation(&self) -> Result<Generation, StoreError>;
    fn revision(&self) -> Result<i64, StoreError>;
}

/// Rows of [`SELECT_CHANGED`], asked for with `known`.
pub(crate) fn changes<R: Readable>(rows: &[R], known: i64) -> Result<Changes, StoreError> {
    let revision = rows.last().map_or(Ok(known), Readable::revision)?;
    let generations = rows.iter().map(Readable::generation).collect::<Result<_, _>>()?;
    Ok(Changes { generations, revision })
}

/// The same columns, read from the rows of each database.
macro_rules! readable {
    ($row:ty) => {
        impl Readable for $row {
            fn generation(&self) -> Result<Generation, StoreError> {
                fn get<'r, T>(row: &'r $row, column: &'static str) -> Result<T, StoreError>
                where
                    T: sqlx::Decode<'r, <$row as Row>::Database>
                        + sqlx::Type<<$row as Row>::Database>,
                {
                    row.try_get(column)
                        .map_err(|source| StoreError::Query { operation: "read a meeting", source })
                }
                let row = self;
                let text = |column| get::<String>(row, column);
                Ok(Generation {
                    id: text("id")?,
                    tenant: text("tenant")?
                        .parse()
                        .map_err(|_| StoreError::Row { column: "tenant" })?,
                    meeting_id: text("meeting_id")?,
                    node: text("node")?.parse().map_err(|_| StoreError::Row { column: "node" })?,
                    node_meeting_id: text("node_meeting_id")?,
                    state: State::parse(&text("state")?)
                        .ok_or(StoreError::Row { column: "state" })?,
                    internal_meeting_id: get(row, "internal_meeting_id")?,
                    create_time: get(row, "create_time")?,
                    voice_bridge: get(row, "voice_bridge")?,
                    in_flight: get(row, "in_flight")?,
                    attempted_at: get(row, "attempted_at")?,
                    first_answered: get(row, "first_answered")?,
                    reserved: get(row, "reserved")?,
                    description: get(row, "description")?,
                    created_at: get(row, "created_at")?,
                    live_at: get(row, "live_at")?,
                    end_requested_at: get(row, "end_requested_at")?,
                    ended_at: get(row, "ended_at")?,
                })
            }

            fn revision(&self) -> Result<i64, StoreError> {
                let failed = |source| StoreError::Query { operation: "read a change", source };
                self.try_get("revision").map_err(failed)
            }
        }
    };
}

readable!(SqliteRow);
readable!(PgRow);
