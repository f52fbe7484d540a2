export { ensurePrometheus, ensurePromtool, type EnsureOptions, type PrometheusPrograms } from './prometheus/ensure.js';
