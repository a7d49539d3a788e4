/** Prometheus: the runtime's measurements on `prom-client`, and the page that shows them. */
export { PrometheusMeter, type PrometheusMeterOptions } from './prometheus-meter.ts';
