//! An output that gets alerts in another schema.

use super::alert::Alert;
use super::deliver::{Cx, Failure, Output};
use crate::config::JsonSchema;
use crate::schemas::translate;

/// Translates each alert to a JSON object of the schema and passes it to another output.
pub struct Translated {
    pub inner: Box<dyn Output>,
    pub schema: JsonSchema,
}

/// Number of alerts that are translated at once. The output may accept fewer, and then gets the rest again.
const MAX: usize = 256;

impl Output for Translated {
    fn most(&self) -> usize {
        self.inner.most().min(MAX)
    }

    fn deliver(&mut self, alerts: &[Alert], cx: &Cx<'_>) -> Result<usize, Failure> {
        let translated: Vec<Alert> = alerts
            .iter()
            .map(|alert| match translate(self.schema, alert) {
                Some(text) => Alert { text: text.into_bytes().into(), ..alert.clone() },
                None => alert.clone(),
            })
            .collect();
        self.inner.deliver(&translated, cx)
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.inner.reopen()
    }

    fn close(&mut self, cx: &Cx<'_>) {
        self.inner.close(cx);
    }

    fn abandon(&mut self, cx: &Cx<'_>) {
        self.inner.abandon(cx);
    }
}
