"""Customer.io, typed: a module per domain; reads are methods, writes are pure functions that return a `Call`."""
