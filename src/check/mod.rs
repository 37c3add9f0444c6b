//! Tries a configuration before a daemon relies on it: one page of each project's list and the networks of its desktops, and
//! what polling and scraping will cost. It publishes nothing and changes nothing.

mod report;
mod series;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::{self, Client, DesktopPage, PageRequest, Selection};
use crate::app::{self, Origin, StartError, since_epoch};
use crate::collect::Forecast;
use crate::config::{ProjectSettings, Settings};
use crate::inventory::{DesktopId, Networks, Snapshot, SnapshotBuilder};
use crate::own_metrics::OwnMetrics;
use crate::publish::{Board, Project};
use crate::workshop::{Seams, Workshop};
pub use report::Report;
use series::Series;

/// A project is given up after this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found out about one project.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) project: Arc<Project>,
    pub(crate) outcome: Result<Seen, api::Error>,
}

/// What one page and its networks showed.
#[derive(Debug)]
pub(crate) struct Seen {
    /// How many desktops the API counts.
    pub(crate) desktops: usize,
    pub(crate) page: Arc<Snapshot>,
    pub(crate) page_took: Duration,
    /// Why networks cannot be read, if they cannot.
    pub(crate) networks: Result<(), api::Error>,
    pub(crate) forecast: Forecast,
}

/// Asks each project for one page, the networks of its desktops, and nothing else.
///
/// # Errors
///
/// [`StartError`] names the setting; what the cloud refuses stands in the report.
pub async fn run(origin: &impl Origin) -> Result<Report, StartError> {
    let (settings, seams, plan) = app::read(origin)?;
    let metrics = OwnMetrics::new()?;
    metrics.config_loaded(true, since_epoch(&seams.clock));
    let (board, _) = Board::open();
    let workshop = Workshop::new(&settings, &seams, metrics.clone(), board, Vec::new());
    let (projects, discovery) = projects_of(&settings, &workshop).await;
    let mut checked = Vec::new();
    for settings_of in &projects {
        let Some((project, client)) = workshop.client_of(settings_of) else {
            continue;
        };
        let until = Instant::now() + PATIENCE;
        let outcome = look(&client.until(until), &settings, &seams).await;
        checked.push(Checked { project, outcome });
    }
    let series = Series::of(&checked, &plan, &metrics);
    Ok(Report::new(settings, checked, discovery, series))
}

/// Reads the configuration and asks nobody.
///
/// # Errors
///
/// [`StartError`] names the setting.
pub fn offline(origin: &impl Origin) -> Result<Settings, StartError> {
    let (settings, ..) = app::read(origin)?;
    Ok(settings)
}

/// The projects of the settings and those that IAM knows; why IAM does not say, if it does not.
async fn projects_of(settings: &Settings, workshop: &Workshop) -> (Vec<ProjectSettings>, Option<api::Error>) {
    let mut projects = settings.projects.clone();
    let Some(discovery) = &settings.discovery else {
        return (projects, None);
    };
    let Some(client) = workshop.client_for_discovery(discovery) else {
        return (projects, None);
    };
    match client.until(Instant::now() + PATIENCE).list_projects().await {
        Ok(found) => {
            let is_new = |name: &str| settings.projects.iter().all(|project| project.label() != name);
            let found = found.iter().filter(|(_, name)| is_new(name));
            projects.extend(found.filter_map(|(id, name)| discovery.project(name, id)));
            (projects, None)
        }
        Err(error) => (projects, Some(error)),
    }
}

async fn look(client: &Client, settings: &Settings, seams: &Seams) -> Result<Seen, api::Error> {
    let project_id = client.project_id().await?;
    let began_at = Instant::now();
    let request = PageRequest {
        offset: 0,
        limit: settings.api.page_size,
    };
    let page = client.list_desktops(Selection::All, request).await?;
    let page_took = began_at.elapsed();
    let total = page
        .total
        .map_or(0, |total| usize::try_from(total).unwrap_or(usize::MAX));
    let desktops = total.max(page.desktops.len());
    let mut networks = Networks::new(settings.collect.network_max_age);
    let read = read_networks(client, &page, settings, &mut networks).await;
    let mut builder = SnapshotBuilder::new(project_id, seams.clock.now());
    for desktop in page.desktops {
        builder.found_desktop(desktop);
    }
    builder.found_page_end(page.total);
    Ok(Seen {
        desktops,
        page: Arc::new(builder.build(None, &networks, Instant::now())),
        page_took,
        networks: read,
        forecast: Forecast::of(desktops, settings),
    })
}

async fn read_networks(
    client: &Client,
    page: &DesktopPage,
    settings: &Settings,
    networks: &mut Networks,
) -> Result<(), api::Error> {
    let now = Instant::now();
    for batch in page.desktops.chunks(settings.api.network_batch_size) {
        let ids: Vec<DesktopId> = batch.iter().map(|desktop| desktop.id.clone()).collect();
        let answer = client.list_networks(&ids).await?;
        for (id, ports) in answer.networks {
            networks.found(id, 0, ports, now);
        }
    }
    Ok(())
}
