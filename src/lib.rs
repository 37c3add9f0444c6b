//! x
pub mod api;
pub mod collect;
pub mod config;
pub mod exposition;
pub mod inventory;
pub mod own_metrics;
pub mod publish;
pub mod seams;
