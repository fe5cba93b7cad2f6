// Property tests draw the same cases in every run; FAST_CHECK_SEED draws others.
import { configureGlobal } from "fast-check";

configureGlobal({ seed: Number(process.env.FAST_CHECK_SEED ?? 2306) });
