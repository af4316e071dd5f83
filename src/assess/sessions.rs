use crate::model::peer::*; use crate::model::time::*; use std::time::Duration;
pub fn down_reason(_s: &Session, _a: Option<Duration>) -> Option<DownReason> { None }
pub fn since_unix(_s: Since, _l: LocalTime, n: UnixTime) -> UnixTime { n }
pub fn local_to_unix(_t: LocalTime, _s: LocalTime, n: UnixTime) -> UnixTime { n }
