//! Asks for desktops by their ids: those that vanished from the list, whether they are gone or only not listed.

use futures_util::FutureExt;

use super::batches::{Batches, Batching, Outcome, ask_all};
use super::judge::Confirmation;
use crate::api::{self, Client, DesktopPage, PageRequest, Selection};
use crate::causes;
use crate::inventory::DesktopId;

/// Ids in one call (`api/facts.md`, section 1.1).
const BATCH_MAXIMUM: usize = 100;

/// Asks for these desktops; what cannot be asked is unknown, which is no answer.
pub(super) async fn confirm(client: &Client, ids: Vec<DesktopId>, batching: Batching) -> Confirmation {
    let mut confirmation = Confirmation::default();
    let mut batches = Batches::of(ids, BATCH_MAXIMUM.min(batching.batch_size));
    let call = |ids: &[DesktopId]| {
        let (client, ids) = (client.clone(), ids.to_vec());
        async move { list(&client, &ids).await }.boxed()
    };
    ask_all(&mut batches, batching.concurrency, call, |ids, outcome| match outcome {
        Outcome::Answered(page) => take(&ids, page, &mut confirmation),
        Outcome::Refused | Outcome::Lost => confirmation.unknown.extend(ids),
    })
    .await;
    if let Some(shortfall) = batches.shortfall() {
        tracing::warn!(error = %causes::line(&shortfall), "vanished desktops could not be asked for, they are held");
    }
    confirmation
}

async fn list(client: &Client, ids: &[DesktopId]) -> Result<DesktopPage, api::Error> {
    let request = PageRequest {
        offset: 0,
        limit: ids.len(),
    };
    client.list_desktops(Selection::Ids(ids), request).await
}

/// An answer that tells of more than it shows is no answer to those that it does not show. One about other desktops comes
/// from a server that does not select by id: it says nothing of those asked for, and neither does it ever, so that they
/// count as not answered.
fn take(ids: &[DesktopId], page: DesktopPage, confirmation: &mut Confirmation) {
    let is_selected = page.desktops.iter().all(|desktop| ids.contains(&desktop.id));
    let shown = page.desktops.len() as u64;
    let is_whole = page.total.is_none_or(|total| total <= shown);
    let mut silent = ids.to_vec();
    for desktop in page.desktops.into_iter().filter(|desktop| ids.contains(&desktop.id)) {
        silent.retain(|id| *id != desktop.id);
        if desktop.is_deleted {
            confirmation.deleted.push(desktop.id);
        } else {
            confirmation.answered.push(desktop);
        }
    }
    if is_selected && !is_whole {
        confirmation.unknown.extend(silent);
    }
}

#[cfg(test)]
mod tests {
    use super::super::pages::{desktop, page_of};
    use super::*;

    /// What an answer of these desktops, of so many in all, says of desktops 1, 2 and 3: answered, deleted, unknown.
    fn told(numbers: &[usize], total: Option<usize>) -> (usize, usize, usize) {
        let ids: Vec<DesktopId> = (1..4).map(|number| desktop(number, number).id).collect();
        let mut desktops: Vec<_> = numbers.iter().map(|number| desktop(*number, *number)).collect();
        if let Some(third) = desktops.iter_mut().find(|desktop| desktop.id == ids[2]) {
            third.is_deleted = true;
        }
        let mut confirmation = Confirmation::default();
        take(&ids, page_of(desktops, total), &mut confirmation);
        (
            confirmation.answered.len(),
            confirmation.deleted.len(),
            confirmation.unknown.len(),
        )
    }

    #[test]
    fn silence_is_told_from_no_answer() {
        assert_eq!(told(&[], Some(0)), (0, 0, 0));
        assert_eq!(told(&[1, 3], Some(2)), (1, 1, 0));
        assert_eq!(told(&[1], None), (1, 0, 0));
        assert_eq!(told(&[1, 9], Some(250)), (1, 0, 0), "it did not select");
        assert_eq!(told(&[1], Some(3)), (1, 0, 2), "it shows less than there is");
    }
}
