use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::between;
use super::{Period, form};

/// A time in which rollouts may go on, or may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = between("duration", "1m", "8760h"))]
pub struct Window {
    /// A name of this window, which messages use: up to 63 lower-case letters, digits and dashes, such as `weekend`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// Allow: rollouts go on only inside this window, or inside another one of this kind in the same list. Deny: no rollout goes on inside this window, whatever another one allows.
    pub kind: WindowKind,
    /// When the window begins, as five fields of cron: minute, hour, day of the month, month and day of the week, such as `0 18 * * 5` for Fridays at 18:00. Months and days of the week may be given as three letters; 0 and 7 are Sunday. Where both days are given, either is enough. A begin that the clock skips when it is put forward counts as that moment; one that comes twice counts the first time.
    #[schemars(schema_with = "form::schedule")]
    pub schedule: String,
    /// How long the window lasts: hours, minutes and seconds, such as `62h`, from `1m` to `8760h`. A change of the clock makes it neither longer nor shorter.
    pub duration: Period,
    /// The time zone of the schedule, by its name in the IANA database, such as `Europe/Berlin`. Default: `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::time_zone")]
    pub time_zone: Option<String>,
}

/// Whether rollouts go on inside a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowKind {
    Allow,
    Deny,
}

/// Whether the windows of the binding and of its workspace let rollouts go on now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowStatus {
    /// Whether rollouts may go on now. Taking traffic back, and going back to what was stable here before, is possible at any time.
    pub open: bool,
    /// What keeps rollouts from going on: a window, or that no window allows them now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub by: Option<String>,
    /// When rollouts may go on again, where they may not now. Absent where no such time can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_open: Option<Timestamp>,
    /// Until when rollouts may go on, where they may now. Absent where no such time can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_close: Option<Timestamp>,
}
