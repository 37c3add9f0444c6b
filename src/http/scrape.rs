//! One scrape: what was asked for, in which form it is answered, and whether the reader has it already.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;

use super::body::Page;
use super::forms::{Form, Forms, Key};
use super::rest::Rest;
use crate::exposition::{Coding, Format, Plan, Print, Selection, SelectionError};
use crate::publish::Publication;

/// What a reader asked for.
#[derive(Debug)]
pub(super) struct Scrape {
    selection: Selection,
    format: Format,
    coding: Coding,
    /// The tags of what the reader has.
    known_tags: String,
}

impl Scrape {
    /// Reads a request.
    pub(super) fn parse(query: &str, headers: &HeaderMap) -> Result<Self, SelectionError> {
        Ok(Self {
            selection: Selection::parse(query)?,
            format: Format::negotiate(&joined(headers, &ACCEPT)),
            coding: Coding::negotiate(&joined(headers, &ACCEPT_ENCODING)),
            known_tags: joined(headers, &IF_NONE_MATCH),
        })
    }

    /// Answers from one publication, from beginning to end; `None` if that cannot be made ready.
    pub(super) async fn answer(mut self, forms: &Forms, rest: &Rest) -> Option<Response<Page>> {
        let form = self.form(forms).await?;
        let (made_from, plan) = form.made_from();
        let current = forms.reader().current();
        // How networks stand and what is up may have changed since, of the same snapshots.
        let publication = if current.shows_the_same(made_from) {
            &current
        } else {
            made_from
        };
        let tag = self.tag(publication, plan);
        let mut known_tags = self.known_tags.split(',').map(str::trim);
        if known_tags.any(|known| known == tag || known == "*") {
            return Some(self.response(StatusCode::NOT_MODIFIED, &tag, Page::of([])));
        }
        let syntax = self.format.syntax();
        let counts = match &form {
            Form::Sheet(sheet) => Arc::clone(sheet.counts()),
            Form::Packed(packed) if self.selection.is_everything() => Arc::clone(packed.counts()),
            Form::Packed(_) => forms.counts(made_from, plan).await?,
        };
        let rest = rest.write(publication, plan, &counts, (&self.selection, syntax));
        let page = match form {
            Form::Packed(packed) => Page::of(packed.parts().chain([packed.closing(&rest).into()])),
            Form::Sheet(sheet) => Page::printed(Print::new(sheet, self.selection.clone()), rest.into()),
        };
        Some(self.response(StatusCode::OK, &tag, page))
    }

    /// A form that cannot be compressed is served plain.
    async fn form(&mut self, forms: &Forms) -> Option<Form> {
        let syntax = self.format.syntax();
        if self.coding != Coding::Identity {
            let key = Key::Packed(self.selection.clone(), syntax, self.coding);
            if let Some(packed) = forms.get(&key).await {
                return Some(packed);
            }
            self.coding = Coding::Identity;
        }
        forms.get(&Key::Sheet(syntax)).await
    }

    /// The numbers of the snapshots, and a mark of all that makes answers differ but for the exporter's own counters;
    /// what is up is among it. Weak: the counters move on.
    fn tag(&self, publication: &Publication, plan: &Arc<Plan>) -> String {
        let now = Instant::now();
        let mut hasher = DefaultHasher::new();
        (
            Arc::as_ptr(plan),
            &self.selection,
            self.format.content_type(),
            self.coding,
        )
            .hash(&mut hasher);
        let mut sequences = Vec::new();
        for state in &publication.projects {
            let published = state.published.as_ref();
            let listed_at = published.map(|published| published.snapshot.listed_at());
            (
                &state.project.name,
                listed_at,
                state.is_up(now),
                state.is_network_up(now),
            )
                .hash(&mut hasher);
            sequences.push(published.map_or(0, |published| published.sequence).to_string());
        }
        format!("W/\"{}-{:016x}\"", sequences.join("."), hasher.finish())
    }

    fn response(&self, status: StatusCode, tag: &str, page: Page) -> Response<Page> {
        let mut response = Response::new(page);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let mut say = |name: HeaderName, value: &str| {
            // Our own words, which hold nothing that a header cannot.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        say(CONTENT_TYPE, &self.format.content_type());
        say(ETAG, tag);
        say(VARY, "Accept, Accept-Encoding");
        say(X_CONTENT_TYPE_OPTIONS, "nosniff");
        if let Some(coding) = self.coding.name() {
            say(CONTENT_ENCODING, coding);
        }
        response
    }
}

/// A header that may stand there more than once, as one list.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    texts.join(",")
}
