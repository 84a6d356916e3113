//! Late writes: a process dies while its request is on its way, and the request arrives although
//! nobody waits for the answer any more.

use jiff::Timestamp;

use super::Cloud;
use crate::azure::model::{Call, ResourceId};

/// The longest that a request is on its way.
pub const LATEST: u64 = 40;

/// A request of a process that is dead.
#[derive(Debug, Clone)]
pub struct UnderWay {
    pub call: Call,
    pub sent: Timestamp,
    pub lands: Timestamp,
}

/// A request that has arrived late.
#[derive(Debug, Clone)]
pub struct Landed {
    pub doing: String,
    pub resource: ResourceId,
    /// What Azure said to nobody.
    pub said: String,
}

impl Cloud {
    /// The process that sent this is dead; it arrives later.
    pub fn send_and_die(&mut self, call: &Call) {
        let lands = self.now + self.seconds(1, LATEST);
        self.under_way.push(UnderWay { call: call.clone(), sent: self.now, lands });
    }

    /// What arrives next, and not after this.
    pub(super) fn arriving(&mut self, now: Timestamp) -> Option<UnderWay> {
        let due = self.under_way.iter().enumerate().filter(|(_, r)| r.lands <= now);
        let next = due.min_by_key(|(_, r)| r.lands).map(|(i, _)| i)?;
        Some(self.under_way.remove(next))
    }

    pub(super) fn land(&mut self, request: &UnderWay) {
        let before = self.operations.len();
        let answer = self.accept(&request.call, true);
        // It was asked for when it was sent.
        self.operations[before..].iter_mut().for_each(|o| o.started = request.sent);
        let said = answer.map_or_else(|e| format!("{:?}: {e}", e.class), |r| r.status.to_string());
        let (doing, resource) = (request.call.doing.clone(), request.call.resource.clone());
        self.deeds += 1;
        self.landed.push(Landed { doing, resource, said });
    }
}
