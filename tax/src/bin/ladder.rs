//! barewire, with a switch whose values are the layers of a framework: `--live`, so that a duel
//! compares two of them while it serves.
//!
//!     curl -X POST 'http://127.0.0.1:8080/duel?a=layer=bare&b=layer=types&seconds=5'

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use barewire::Server;
use barewire::config::Config;
use barewire::http::Request;
use barewire::http::handler::{Admission, Handler, Later, Reply, Work};
use barewire_tax::layers::floor::HELLO;
use barewire_tax::layers::whole::{TOGETHER_MAX, come_together};
use barewire_tax::{HAND_OVER, LAYERS, NAMES};
use clap::Parser;
use clap::builder::PossibleValuesParser;

/// The level that is in force.
static LAYER: AtomicUsize = AtomicUsize::new(0);

/// Serves at any path, with the work of a layer before each answer.
#[derive(Debug, Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The level at the start.
    #[arg(long, default_value = "bare", value_parser = PossibleValuesParser::new(NAMES))]
    layer: String,
    /// Requests that come together: whole frameworks read so many at once.
    #[arg(
        long,
        default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(TOGETHER_MAX)),
    )]
    pipeline: u16,
    /// Print each layer with the level that it is compared with, and leave.
    #[arg(long)]
    list: bool,
}

struct Ladder;

impl Handler for Ladder {
    fn admit(&self, _: &Request<'_>) -> Admission {
        Admission::IgnoreBody
    }

    fn handle(&self, request: &Request<'_>) -> Reply {
        let layer = &LAYERS[LAYER.load(Relaxed)];
        if layer.name == HAND_OVER {
            return Later::Run(Work::new(|_| (&HELLO).into())).into();
        }
        layer.run(request);
        (&HELLO).into()
    }
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    if options.list {
        for layer in LAYERS {
            println!("{} {}", layer.name, layer.below);
        }
        return Ok(());
    }
    come_together(options.pipeline);
    let at = NAMES.iter().position(|name| *name == options.layer);
    LAYER.store(at.unwrap_or_default(), Relaxed);
    let mut config = Config {
        port: options.port,
        workers: 1,
        live: true,
        ..Config::default()
    };
    // Pipelined requests that are the same would be answered without asking the handler.
    config.techniques.same_request = false;
    let server = Server::new().config(config).handler(Ladder);
    let running = server.choice("layer", &LAYER, &NAMES).start()?;
    println!("listening on http://{}", running.address());
    running.wait_for(&barewire::StopSignals::catch()?)
}
