//! Behaviour over HTTP: what is taken, what is refused, what pages show.

mod browser;
mod calls;
mod events;
mod hooks;
mod letters;
mod maps;
mod preferences;
mod sample;
mod site;
mod unsubscribe;
