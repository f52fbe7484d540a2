import { runService } from '@keyward/service-host';
import { refresherService } from './service.js';

await runService(refresherService());
