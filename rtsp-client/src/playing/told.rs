//! What the session tells while it plays.

use rtsp_session::client::Event as Session;
use rtsp_session::client::NoticeKind;

use super::Playing;
use crate::End;

impl Playing {
    pub(super) fn take_event(&mut self, event: &Session) {
        let end = match event {
            Session::Ended(reason) => End::from(reason.clone()),
            Session::Notified(notice) => {
                if notice.media.is_none() && matches!(notice.kind, NoticeKind::EndOfStream { .. }) {
                    self.at_end = true;
                }
                return;
            }
            Session::Redescribed => {
                if let Some(description) = self.conversation.session.description() {
                    self.description = description.clone();
                }
                return;
            }
            Session::Redirected(redirect) => {
                self.same_media_there = redirect.same_media;
                End::Redirected(redirect.uri.to_string())
            }
            Session::TornDown => End::Closed,
            _ => return,
        };
        self.end.get_or_insert(end);
    }
}
