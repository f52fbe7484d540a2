import { runService } from '@keyward/service-host';
import { authService } from './service.js';

await runService(authService);
