import { runService } from '@keyward/service-host';
import { executorService } from './service.js';

await runService(executorService());
