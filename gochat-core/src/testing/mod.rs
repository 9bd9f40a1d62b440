//! For tests of adapters and programs: in-memory adapters, a manual clock, faults, conformance suites.
